//! The checks of presigned URLs, sent to the public endpoint as clients send them, and judged by the resulting objects.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{Attributes, PresignGet, PresignPut, PresignedRequest, SecretUrl, Sha256};
use hyper::StatusCode;

use super::forms;
use super::http::Http;
use super::report::Line;
use super::said;
use super::subject::{BYTES, Subject};

/// Different bytes of the same length as [`BYTES`].
const OTHER_BYTES: &str = "draftstore d0ct0r";

/// The SHA-256 of [`BYTES`], in base64.
const BYTES_SHA256: &str = "IZ99EKkomAJ0iU3x2gVsWggi4Zbb+5bY1Y2BmAMeyFA=";

/// The age of an expired URL, larger than any clock skew.
const LONG_AGO: Duration = Duration::from_secs(24 * 3600);

const ELSEWHERE: &str = "set S3_PUBLIC_ENDPOINT to the store's address for clients; proxies in between must not change path, \
                         query and Host";

const OTHER_STORE: &str = "do not use this store: clients that can reach it need no valid URLs";

/// A request that the store must refuse, with the meaning and the remedy if it does not.
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
        lines.push(metadata(subject, http).await?);
        lines.push(tagging(subject, http).await?);
        lines.push(tampered(subject, http).await?);
        lines.push(expired(subject, http).await?);
        lines.push(forms::check(subject, http).await?);
        lines.push(forms::check_fields(subject, http).await?);
        anyhow::Ok(())
    };
    if let Err(error) = checks.await {
        lines.push(Line::failed("the other URLs", format!("{error:#}"), "run doctor again"));
    }
    lines
}

/// Checks that plain URLs work. Otherwise refused requests would prove nothing.
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
            return Err(failed(said(&error), "configure credentials that can sign"));
        }
    };
    let put = http
        .send(put, &[], BYTES)
        .await
        .map_err(|error| failed(format!("{error:#}"), ELSEWHERE))?;
    if !put.status().is_success() {
        return Err(failed(
            format!("the status of an upload is {}", put.status()),
            ELSEWHERE,
        ));
    }
    let got = http
        .send(get, &[], "")
        .await
        .map_err(|error| failed(format!("{error:#}"), ELSEWHERE))?;
    if got.status() != StatusCode::OK || got.body() != BYTES {
        let meaning = format!(
            "the status of a download is {}, without the uploaded bytes",
            got.status()
        );
        return Err(failed(meaning, ELSEWHERE));
    }
    let size = subject.head(&key).await.map(|object| object.size);
    if size.as_ref().ok() != Some(&(BYTES.len() as u64)) {
        return Err(failed(
            "the uploaded object does not exist at S3_ENDPOINT".to_owned(),
            ELSEWHERE,
        ));
    }
    Ok(())
}

/// Checks an upload that meets every constraint that upload URLs can have.
async fn constraints(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let check = "every constraint met";
    let key = subject.key("constraints");
    let put = PresignPut {
        content_length: Some(BYTES.len() as u64),
        checksum_sha256: Some(sha256()),
        attributes: &Subject::attributes(),
        ..subject.upload(&key)
    };
    let answer = http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    Ok(if subject.has(&key).await? {
        Line::ok(check, "an upload with signed length, type, checksum and metadata works")
    } else {
        let meaning = format!(
            "the status of an upload with signed length, type, checksum and metadata is {}",
            answer.status()
        );
        Line::failed(
            check,
            meaning,
            "request upload URLs without these constraints, and send them when confirming instead",
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
        otherwise: "not enforced: the store accepts an upload of any size",
        remedy: "send content_length when confirming",
    };
    http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    refusal.judge(subject.has(&key).await?)
}

async fn content_type(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("type");
    let put = PresignPut {
        attributes: &Attributes {
            metadata: BTreeMap::new(),
            ..Subject::attributes()
        },
        ..subject.upload(&key)
    };
    let refusal = Refusal {
        check: "signed content-type",
        otherwise: "not enforced: the store accepts an upload of any type",
        remedy: "check the type with inspect-draft before confirming",
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
        otherwise: "not enforced: the store accepts bytes with another checksum",
        remedy: "download the draft and compare it, then confirm with its ETag as if_match",
    };
    http.send(subject.storage.presign_put(&put).await?, &[], OTHER_BYTES)
        .await?;
    refusal.judge(subject.has(&key).await?)
}

/// Checks that an upload URL cannot be used to copy. A store that ignores the header creates an empty object, which is harmless.
async fn copy_source(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let (source, key) = (subject.key("source"), subject.key("copied"));
    let source = subject.put(&source, BYTES).await?;
    let copy_source = format!("/{}/{}", subject.draft(), source.key);
    let refusal = Refusal {
        check: "no unsigned x-amz-copy-source",
        otherwise: "accepted: with an upload URL, clients can copy, and then read, every object that its signer can read",
        remedy: "set SIGNING_ACCESS_KEY_ID, or SIGNING_ROLE_ARN, to credentials that can put drafts but not get them",
    };
    let header = [("x-amz-copy-source", copy_source.as_str())];
    http.send(subject.storage.presign_put(&subject.upload(&key)).await?, &header, "")
        .await?;
    let size = subject.head(&key).await.map(|object| object.size);
    refusal.judge(size.is_ok_and(|size| size > 0))
}

/// Checks that metadata is signed. A confirm keeps what an uploader cannot have added.
async fn metadata(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("metadata");
    let refusal = Refusal {
        check: "no unsigned x-amz-meta-*",
        otherwise: "accepted: clients can add metadata, and with it headers, that a confirm keeps",
        remedy: "check metadata and headers with inspect-draft before confirming",
    };
    let header = [("x-amz-meta-doctor", "1")];
    http.send(
        subject.storage.presign_put(&subject.upload(&key)).await?,
        &header,
        BYTES,
    )
    .await?;
    let stored = subject.head(&key).await.map(|object| object.attributes.metadata);
    refusal.judge(stored.is_ok_and(|metadata| metadata.contains_key("doctor")))
}

/// Checks that tags are signed. A check of a tag trusts what an uploader cannot have added.
async fn tagging(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let check = "no unsigned x-amz-tagging";
    let key = subject.key("tagging");
    let put = subject.storage.presign_put(&subject.upload(&key)).await?;
    http.send(put, &[("x-amz-tagging", "doctor=1")], BYTES).await?;
    if !subject.has(&key).await? {
        return Ok(Line::ok(check, "enforced: the store refuses other requests"));
    }
    Ok(match subject.tags(&key).await {
        Ok(tags) if tags.is_empty() => Line::ok(check, "ignored: the store sets no tags that are not signed"),
        Ok(_) => Line::weak(
            check,
            "accepted: clients can set the tag by which a scanner accepts a draft",
            "configure no checks.tag, or sign uploads with credentials that may not tag",
        ),
        Err(error) => Line::info(check, format!("the tags of a draft cannot be read: {}", said(&error))),
    })
}

async fn tampered(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let key = subject.key("tampered");
    let put = subject.storage.presign_put(&subject.upload(&key)).await?;
    let get_key = subject.key("plain");
    let get = subject.storage.presign_get(&subject.download(&get_key)).await?;
    let refusal = Refusal {
        check: "no other signature",
        otherwise: "accepted: the store does not verify signatures",
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
        otherwise: "accepted: a URL never expires",
        remedy: OTHER_STORE,
    };
    http.send(subject.storage.presign_put(&put).await?, &[], BYTES).await?;
    let got = http.send(subject.storage.presign_get(&get).await?, &[], "").await?;
    refusal.judge(got.body() == BYTES || subject.has(&key).await?)
}

impl Refusal {
    #[expect(clippy::unnecessary_wraps, reason = "every check ends with it")]
    fn judge(&self, accepted: bool) -> anyhow::Result<Line> {
        Ok(if accepted {
            Line::weak(self.check, self.otherwise, self.remedy)
        } else {
            Line::ok(self.check, "enforced: the store refuses other requests")
        })
    }
}

fn sha256() -> Sha256 {
    BYTES_SHA256.parse().expect("a checksum")
}

/// Returns the request with the last digit of its signature changed.
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
    fn last_digit_of_the_signature_is_changed() {
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
