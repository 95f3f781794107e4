//! The check that form uploads work, sent to the public endpoint as a browser sends them.

use draftstore_storage::{PresignPost, SecretFields};

use super::http::Http;
use super::report::Line;
use super::subject::{BYTES, Subject};

const CHECK: &str = "POST of a form";

/// A tag, as a form has it.
const TAGGING: &str = "<Tagging><TagSet><Tag><Key>doctor</Key><Value>1</Value></Tag></TagSet></Tagging>";

/// Sends one form within its size limit, and one whose file is a byte too long.
pub(super) async fn check(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let (key, too_long) = (subject.key("form"), subject.key("form-too-long"));
    let length = BYTES.len() as u64;
    let post = PresignPost {
        attributes: &Subject::attributes(),
        ..subject.form(&key, length)
    };
    let answer = http
        .send_form(subject.storage.presign_post(&post).await?, BYTES)
        .await?;
    if !subject.has(&key).await? {
        let meaning = format!(
            "status {}: max_content_length, and small files of Uppy, do not work with this store",
            answer.status()
        );
        let remedy = "request upload URLs with content_length instead, and set shouldUseMultipart: true in Uppy";
        return Ok(Line::weak(CHECK, meaning, remedy));
    }
    let post = subject.form(&too_long, length - 1);
    http.send_form(subject.storage.presign_post(&post).await?, BYTES)
        .await?;
    Ok(if subject.has(&too_long).await? {
        Line::weak(
            CHECK,
            "max_content_length is not enforced: the store accepts a form of any size",
            "send content_length when confirming",
        )
    } else {
        Line::ok(CHECK, "works, and max_content_length is enforced")
    })
}

/// Sends a form with a field that its policy does not name.
pub(super) async fn check_fields(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let check = "no other field of a form";
    let key = subject.key("form-fields");
    let mut signed = subject.storage.presign_post(&subject.form(&key, 1024)).await?;
    let mut fields = signed.fields.expose();
    fields.insert("acl".to_owned(), "private".to_owned());
    fields.insert("tagging".to_owned(), TAGGING.to_owned());
    signed.fields = SecretFields::new(fields);
    http.send_form(signed, BYTES).await?;
    Ok(if subject.has(&key).await? {
        if subject.tags(&key).await.is_ok_and(|tags| !tags.is_empty()) {
            let meaning = "not enforced: with a form, clients can set the tag by which a scanner accepts a draft";
            return Ok(Line::weak(check, meaning, "configure no checks.tag"));
        }
        let meaning =
            "not enforced: a form can have fields that its policy does not name. No confirm carries them into main";
        Line::info(check, meaning)
    } else {
        Line::ok(check, "enforced: the store refuses other forms")
    })
}
