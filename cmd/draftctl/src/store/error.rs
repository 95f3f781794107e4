//! Classification of failed transfers, by what can be done about them.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};

use crate::error::CommandError;
use crate::exit::Exit;

/// The maximum size of an error response that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// The S3 error codes for bytes that do not match their declared checksum.
const DIGEST_MISMATCH_CODES: [&str; 4] = [
    "BadDigest",
    "InvalidDigest",
    "XAmzContentChecksumMismatch",
    "XAmzContentSHA256Mismatch",
];

/// The error of a transfer.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// A transient error: the same request may succeed later.
    Transient {
        message: String,
        retry_after: Option<Duration>,
    },
    /// The URL is not valid, or no longer: a new one may work.
    Url(CommandError),
    /// A permanent error.
    Permanent(CommandError),
}

/// Reads an error response. `expired` is true if the URL has expired by the local clock.
pub(crate) async fn read(mut response: Response, expired: bool) -> TransferError {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|retry_after| retry_after.to_str().ok()?.parse().ok());
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body);
    let code = element_text(&body, "Code").unwrap_or_default();
    let detail = match element_text(&body, "Message") {
        Some(message) => format!("{code} ({message})"),
        None if code.is_empty() => status.canonical_reason().unwrap_or("no reason").to_owned(),
        None => code.clone(),
    };
    classify(status, &code, &detail, retry_after.map(Duration::from_secs), expired)
}

fn classify(
    status: StatusCode,
    code: &str,
    detail: &str,
    retry_after: Option<Duration>,
    expired: bool,
) -> TransferError {
    let failure = || CommandError::store(status.as_u16(), detail);
    match status.as_u16() {
        400 if DIGEST_MISMATCH_CODES.contains(&code) => TransferError::Permanent(CommandError::new(
            "FILE_CHANGED",
            Exit::Failed,
            format!("the store received other bytes than were signed: {detail}"),
        )),
        // A new URL would not work either.
        403 if code == "InvalidObjectState" => {
            TransferError::Permanent(CommandError::archived("the object is in an archive class of the store"))
        }
        403 => TransferError::Url(failure()),
        // Garage's response to an expired URL.
        400 if expired => TransferError::Url(failure()),
        400 if code == "RequestTimeout" => transient(detail, retry_after),
        408 | 409 | 425 | 429 | 500.. => transient(detail, retry_after),
        _ => TransferError::Permanent(failure()),
    }
}

fn transient(detail: &str, retry_after: Option<Duration>) -> TransferError {
    TransferError::Transient {
        message: format!("the store responded with {detail}"),
        retry_after,
    }
}

/// Converts the error of a connection that could not be made or broke.
pub(crate) fn connection_error(error: reqwest::Error) -> TransferError {
    let error = error.without_url();
    let mut message = format!("cannot reach the store: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        next = cause.source();
    }
    TransferError::Transient {
        message,
        retry_after: None,
    }
}

/// Returns the text of the first element with this name. S3's error documents are flat.
fn element_text(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(unescape(text))
}

/// Returns a text of XML without its escapes.
fn unescape(text: &str) -> String {
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
    ];
    let text = escapes.iter().fold(text.to_owned(), |text, (escape, character)| {
        text.replace(escape, character)
    });
    // Last, so that it makes no other escape.
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_responses_are_classified() {
        let classify_code = |status, code, expired| {
            let status = StatusCode::from_u16(status).expect("a status");
            match classify(status, code, code, None, expired) {
                TransferError::Transient { .. } => "transient",
                TransferError::Url(_) => "URL",
                TransferError::Permanent(_) => "permanent",
            }
        };
        for (status, code, expected) in [
            (500, "InternalError", "transient"),
            (503, "SlowDown", "transient"),
            (429, "", "transient"),
            (409, "ConditionalRequestConflict", "transient"),
            (400, "RequestTimeout", "transient"),
            (403, "AccessDenied", "URL"),
            (403, "RequestTimeTooSkewed", "URL"),
            (403, "InvalidObjectState", "permanent"),
            (400, "BadDigest", "permanent"),
            (400, "InvalidRequest", "permanent"),
            (404, "NoSuchUpload", "permanent"),
            (412, "PreconditionFailed", "permanent"),
            (413, "EntityTooLarge", "permanent"),
            (301, "PermanentRedirect", "permanent"),
        ] {
            assert_eq!(classify_code(status, code, false), expected, "{status} {code}");
        }
        assert_eq!(classify_code(400, "InvalidRequest", true), "URL");
        assert_eq!(classify_code(400, "BadDigest", true), "permanent");
    }

    #[test]
    fn code_and_message_are_found_in_the_document() {
        let document = "<?xml?><Error><Code>NoSuchUpload</Code><Message>It is gone.</Message></Error>";
        assert_eq!(element_text(document, "Code").as_deref(), Some("NoSuchUpload"));
        assert_eq!(element_text(document, "Message").as_deref(), Some("It is gone."));
        let escaped = "<Message>The object&apos;s &quot;class&quot; &amp;lt; 2</Message>";
        let message = element_text(escaped, "Message");
        assert_eq!(message.as_deref(), Some("The object's \"class\" &lt; 2"));
        assert_eq!(element_text(document, "Bucket"), None);
    }
}
