//! What the store's refusals mean for whoever was refused.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};

use crate::exit::Exit;
use crate::failure::Failure;

/// The longest answer that is read for its reason, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

/// S3's codes for bytes that are not those that were announced.
const OTHER_BYTES: [&str; 4] = [
    "BadDigest",
    "InvalidDigest",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
];

/// Why a transfer did not come to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The same may go through later.
    Passing { why: String, after: Option<Duration> },
    /// The URL is not accepted, or not any more: another one may be.
    Url(Failure),
    /// It never will.
    Final(Failure),
}

/// Reads an answer other than success. `expired` says whether the URL has ended by our clock.
pub(crate) async fn read(mut answer: Response, expired: bool) -> Trouble {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER);
    let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body);
    let code = element(&body, "Code").unwrap_or_default();
    let said = match element(&body, "Message") {
        Some(message) => format!("{code} ({message})"),
        None if code.is_empty() => status.canonical_reason().unwrap_or("no reason").to_owned(),
        None => code.to_owned(),
    };
    judge(status, code, &said, after.map(Duration::from_secs), expired)
}

fn judge(status: StatusCode, code: &str, said: &str, after: Option<Duration>, expired: bool) -> Trouble {
    let failure = || Failure::store(status.as_u16(), said);
    match status.as_u16() {
        400 if OTHER_BYTES.contains(&code) => Trouble::Final(Failure::new(
            "FILE_CHANGED",
            Exit::Failed,
            format!("the store got other bytes than were announced: {said}"),
        )),
        403 => Trouble::Url(failure()),
        // Garage says so of expired URLs.
        400 if expired => Trouble::Url(failure()),
        400 if code == "RequestTimeout" => passing(said, after),
        408 | 409 | 425 | 429 | 500.. => passing(said, after),
        _ => Trouble::Final(failure()),
    }
}

fn passing(said: &str, after: Option<Duration>) -> Trouble {
    Trouble::Passing {
        why: format!("the store answers {said}"),
        after,
    }
}

/// A connection that could not be made, or broke.
pub(crate) fn broken(error: reqwest::Error) -> Trouble {
    let error = error.without_url();
    let mut why = format!("the store cannot be reached: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        why.push_str(": ");
        why.push_str(&cause.to_string());
        next = cause.source();
    }
    Trouble::Passing { why, after: None }
}

/// The text of the first such element; S3's error documents are as flat as that.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let judged = |status, code, expired| {
            let status = StatusCode::from_u16(status).expect("a status");
            match judge(status, code, code, None, expired) {
                Trouble::Passing { .. } => "passing",
                Trouble::Url(_) => "URL",
                Trouble::Final(_) => "final",
            }
        };
        for (status, code, expected) in [
            (500, "InternalError", "passing"),
            (503, "SlowDown", "passing"),
            (429, "", "passing"),
            (409, "ConditionalRequestConflict", "passing"),
            (400, "RequestTimeout", "passing"),
            (403, "AccessDenied", "URL"),
            (403, "RequestTimeTooSkewed", "URL"),
            (400, "BadDigest", "final"),
            (400, "InvalidRequest", "final"),
            (404, "NoSuchUpload", "final"),
            (412, "PreconditionFailed", "final"),
            (413, "EntityTooLarge", "final"),
            (301, "PermanentRedirect", "final"),
        ] {
            assert_eq!(judged(status, code, false), expected, "{status} {code}");
        }
        assert_eq!(judged(400, "InvalidRequest", true), "URL");
        assert_eq!(judged(400, "BadDigest", true), "final");
    }

    #[test]
    fn the_reason_is_found_in_the_document() {
        let document = "<?xml?><Error><Code>NoSuchUpload</Code><Message>It is gone.</Message></Error>";
        assert_eq!(element(document, "Code"), Some("NoSuchUpload"));
        assert_eq!(element(document, "Message"), Some("It is gone."));
        assert_eq!(element(document, "Bucket"), None);
    }
}
