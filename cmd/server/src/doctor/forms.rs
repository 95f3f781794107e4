//! Whether forms work, sent to the public endpoint as a browser sends them.

use std::collections::BTreeMap;

use draftstore_storage::PresignPost;

use super::http::Http;
use super::report::Line;
use super::subject::{BYTES, Subject};

const CHECK: &str = "POST of a form";

/// One that keeps to its size, and one of which the file is a byte too long.
pub(super) async fn check(subject: &Subject, http: &Http) -> anyhow::Result<Line> {
    let (key, too_long) = (subject.key("form"), subject.key("form-too-long"));
    let length = BYTES.len() as u64;
    let metadata = BTreeMap::from([("doctor".to_owned(), "1".to_owned())]);
    let post = PresignPost {
        content_type: Some("text/plain"),
        metadata: &metadata,
        ..subject.form(&key, length)
    };
    let answer = http
        .send_form(subject.storage.presign_post(&post).await?, BYTES)
        .await?;
    if !subject.has(&key).await? {
        let meaning = format!(
            "answered {}: max_content_length, and small files of Uppy, do not work here",
            answer.status()
        );
        let remedy = "ask for uploads with content_length instead; have Uppy upload everything in parts \
                      (shouldUseMultipart: true)";
        return Ok(Line::weak(CHECK, meaning, remedy));
    }
    let post = subject.form(&too_long, length - 1);
    http.send_form(subject.storage.presign_post(&post).await?, BYTES)
        .await?;
    Ok(if subject.has(&too_long).await? {
        Line::weak(
            CHECK,
            "max_content_length is not enforced: a form of any size goes through",
            "pin content_length when confirming",
        )
    } else {
        Line::ok(CHECK, "works, and what is over max_content_length is refused")
    })
}
