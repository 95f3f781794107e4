//! What presigned URLs allow, sent to the public endpoint as clients send them, and judged by the bytes that result.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{PresignGet, PresignPut, PresignedRequest, SecretUrl, Sha256};
use hyper::StatusCode;

use super::forms;
use super::http::Http;
use super::report::Line;
use super::said;
use super::subject::{BYTES, Subject};

/// As long, and not the same.
const OTHER_BYTES: &str = "draftstore d0ct0r";

/// SHA-256 of [`BYTES`], in base64.
const BYTES_SHA256: &str = "IZ99EKkomAJ0iU3x2gVsWggi4Zbb+5bY1Y2BmAMeyFA=";

/// Longer ago than any clock is wrong.
const LONG_AGO: Duration = Duration::from_secs(24 * 3600);

const ELSEWHERE: &str = "S3_PUBLIC_ENDPOINT must be the store's address as clients see it, and whatever lies between must \
                         leave path, query and Host as they are";

const OTHER_STORE: &str = "do not use this store: whoever can reach it gets past its URLs";

/// Something that must not go through: what it means where it does, and what helps then.
struct Refusal {
    check: &'static str,
    otherwise: &'static str,
    remedy: &'static str,
}

pub(super) async fn check(subject: &Subject, http: &Http) -> Vec<Line> {
    let works = plain(subject, http).await;
    if let Err(line) = works {
        return vec![*line];
    }
    let mut lines = vec![Line::ok("PUT and GET", "work at the public endpoint")];
    let checks = async {
        lines.push(constraints(subject, http).await?);
        lines.push(length(subject, http).await?);
        lines.push(content_type(subject, http).await?);
        lines.push(checksum(subject, http).await?);
        lines.push(copy_source(subject, http).await?);
        lines.push(tampered(subject, http).await?);
        lines.push(expired(subject, http).await?);
        lines.push(forms::check(subject, http).await?);
        anyhow::Ok(())
    };
    if let Err(error) = checks.await {
        lines.push(Line::failed("the other URLs", format!("{error:#}"), "run doctor again"));
    }
    lines
}

/// Without this nothing that is refused would say anything.
async fn plain(subject: &Subject, http: &Http) -> Result<(), Box<Line>> {
    let failed = |meaning: String, remedy: &str| Box::new(Line::failed("PUT and GET", meaning, remedy));
    let key = subject.key("plain");
    let (put, get) = (subject.upload(&key), subject.download(&key));
    let signed = (
        subject.storage.presign_put(&put).await,
        subject.storage.presign_get(&get).await,
    );
    let (put, get) = match signed {
        (Ok(put), Ok(get)) => (put, get),
        (Err(error), _) | (_, Err(error)) => {
            return Err(failed(said(&error), "there must be credentials to sign with"));
        }
    };
    let put = http
        .send(put, &[], BYTES)
        .await
        .map_err(|error| failed(format!("{error:#}"), ELSEWHERE))?;
    if !put.status().is_success() {
        return Err(failed(format!("an upload was answered {}", put.status()), ELSEWHERE));
    }
    let got = http
        .send(get, &[], "")
        .await
        .map_err(|error| failed(format!("{error:#}"), ELSEWHERE))?;
    if got.status() != StatusCode::OK || got.body() != BYTES {
        let meaning = format!(
            "a download was answered {} and not with the bytes uploaded",
            got.status()
        );
        return Err(failed(meaning, ELSEWHERE));
    }
    let size = subject.head(&key).await.map(|object| object.size);
    if size.as_ref().ok() != Some(&(BYTES.len() as u64)) {
        return Err(failed(
            "what was uploaded there cannot be seen by S3_ENDPOINT".to_owned(),
            ELSEWHERE,
        ));
    }
    Ok(())
}

/// Everything that upload-url can sign, kept to.
async fn constraints(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let check = "every constraint kept";
    let (key, metadata) = (
        subject.key("constraints"),
        BTreeMap::from([("doctor".to_owned(), "1".to_owned())]),
    );
    let put = PresignPut {
        content_length: Some(BYTES.len() as u64),
        content_type: Some("text/plain"),
        checksum_sha256: Some(sha256()),
        metadata: &metadata,
        ..subject.upload(&key)
    };
    let answer = http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    Ok(if subject.has(&key).await? {
        Line::ok(
            check,
            "an upload with signed length, type, checksum and metadata goes through",
        )
    } else {
        let meaning = format!(
            "an upload with signed length, type, checksum and metadata was answered {}",
            answer.status()
        );
        Line::failed(
            check,
            meaning,
            "ask for uploads without these constraints, and pin what is confirmed instead",
        )
    })
}

async fn length(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("length");
    let put = PresignPut {
        content_length: Some(BYTES.len() as u64 - 1),
        ..subject.upload(&key)
    };
    let refusal = Refusal {
        check: "signed content-length",
        otherwise: "not enforced: an upload of any size goes through",
        remedy: "pin content_length when confirming",
    };
    http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    refusal.judge(subject.has(&key).await?)
}

async fn content_type(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("type");
    let put = PresignPut {
        content_type: Some("text/plain"),
        ..subject.upload(&key)
    };
    let refusal = Refusal {
        check: "signed content-type",
        otherwise: "not enforced: an upload of any type goes through",
        remedy: "look at the type by inspect-draft before confirming",
    };
    let html = [("content-type", "text/html")];
    http.send(subject.storage.presign_put(&put).await?, &html, BYTES)
        .await?;
    refusal.judge(subject.has(&key).await?)
}

async fn checksum(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("checksum");
    let put = PresignPut {
        checksum_sha256: Some(sha256()),
        ..subject.upload(&key)
    };
    let refusal = Refusal {
        check: "signed x-amz-checksum-sha256",
        otherwise: "not enforced: other bytes than those announced go through",
        remedy: "read the draft by a download URL and compare, then confirm with its ETag as if_match",
    };
    http.send(subject.storage.presign_put(&put).await?, &[], OTHER_BYTES)
        .await?;
    refusal.judge(subject.has(&key).await?)
}

/// A store that ignores the header makes an empty object, which harms nobody: the copied bytes are what counts.
async fn copy_source(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let (source, key) = (subject.key("source"), subject.key("copied"));
    let source = subject.put(&source, BYTES).await?;
    let copy_source = format!("/{}/{}", subject.draft(), source.key);
    let refusal = Refusal {
        check: "no unsigned x-amz-copy-source",
        otherwise: "taken: whoever holds an upload URL can copy, and then read, every object that its signer can read",
        remedy: "set SIGNING_ACCESS_KEY_ID, or SIGNING_ROLE_ARN, to credentials that can put in draft and cannot get",
    };
    let header = [("x-amz-copy-source", copy_source.as_str())];
    http.send(subject.storage.presign_put(&subject.upload(&key)).await?, &header, "")
        .await?;
    let size = subject.head(&key).await.map(|object| object.size);
    refusal.judge(size.is_ok_and(|size| size > 0))
}

async fn tampered(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("tampered");
    let put = subject.storage.presign_put(&subject.upload(&key)).await?;
    let get_key = subject.key("plain");
    let get = subject.storage.presign_get(&subject.download(&get_key)).await?;
    let refusal = Refusal {
        check: "no other signature",
        otherwise: "accepted: the store does not look at signatures",
        remedy: OTHER_STORE,
    };
    http.send(with_another_signature(put), &[], BYTES).await?;
    let got = http.send(with_another_signature(get), &[], "").await?;
    refusal.judge(got.body() == BYTES || subject.has(&key).await?)
}

async fn expired(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let (key, get_key) = (subject.key("expired"), subject.key("plain"));
    let now = SystemTime::now() - LONG_AGO;
    let put = PresignPut {
        now,
        ..subject.upload(&key)
    };
    let get = PresignGet {
        now,
        ..subject.download(&get_key)
    };
    let refusal = Refusal {
        check: "no expired URL",
        otherwise: "accepted: a URL once handed out works for ever",
        remedy: OTHER_STORE,
    };
    http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    let got = http.send(subject.storage.presign_get(&get).await?, &[], "").await?;
    refusal.judge(got.body() == BYTES || subject.has(&key).await?)
}

impl Refusal {
    #[expect(clippy::unnecessary_wraps, reason = "every check ends with it")]
    fn judge(&self, went_through: bool) -> anyhow::Result<Line> {
        Ok(if went_through {
            Line::weak(self.check, self.otherwise, self.remedy)
        } else {
            Line::ok(self.check, "what breaks it is refused, and leaves nothing")
        })
    }
}

fn sha256() -> Sha256 {
    BYTES_SHA256.parse().expect("a checksum")
}

/// The same URL, of which the last digit of the signature is another.
fn with_another_signature(signed: PresignedRequest) -> PresignedRequest {
    const MARK: &str = "X-Amz-Signature=";
    let url = signed.url.expose();
    let end = url.find(MARK).map_or(0, |at| {
        let signature = &url[at + MARK.len()..];
        at + MARK.len() + signature.find('&').unwrap_or(signature.len())
    });
    let (head, tail) = url.split_at(end);
    let other = if head.ends_with('0') { '1' } else { '0' };
    let kept = &head[..head.len().saturating_sub(1)];
    PresignedRequest {
        url: SecretUrl::new(format!("{kept}{other}{tail}")),
        ..signed
    }
}

#[cfg(test)]
mod tests {
    use draftstore_storage::{Method, SecretFields};

    use super::*;

    #[test]
    fn one_digit_of_the_signature_is_changed() {
        for (url, expected) in [
            ("http://h/b/k?X-Amz-Signature=ab0", "http://h/b/k?X-Amz-Signature=ab1"),
            (
                "http://h/b/k?X-Amz-Signature=abc&x-id=PutObject",
                "http://h/b/k?X-Amz-Signature=ab0&x-id=PutObject",
            ),
        ] {
            let signed = PresignedRequest {
                method: Method::Put,
                url: SecretUrl::new(url),
                headers: BTreeMap::new(),
                fields: SecretFields::default(),
                expires_at: SystemTime::UNIX_EPOCH,
            };
            assert_eq!(with_another_signature(signed).url.expose(), expected);
        }
    }
}
