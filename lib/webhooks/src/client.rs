//! The client, which posts one message once.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use draftstore_runtime::{HttpClient, HttpError};
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};

use crate::destination::{Destination, Reach};
use crate::message::Message;
use crate::secret::Secrets;
use crate::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, unix_seconds};

/// The value of `User-Agent`.
const AGENT: &str = concat!("DraftStore/", env!("CARGO_PKG_VERSION"));

/// A client that posts messages. Connections are kept open for the next message.
#[derive(Debug)]
pub struct Client {
    public: HttpClient,
    private: HttpClient,
}

/// A message that was not answered.
#[derive(Debug, thiserror::Error)]
#[error("the message was not answered")]
pub struct SendError(#[source] HttpError);

/// The answer to a message. Redirects are answers as well, and are not followed.
#[derive(Debug)]
pub struct Reply {
    /// The status of the answer.
    pub status: StatusCode,
    /// The time that `Retry-After` asks to wait.
    pub retry_after: Option<Duration>,
    /// The whole body, or the reason why it did not come within the limits.
    pub body: Result<Bytes, HttpError>,
}

impl Client {
    /// Creates a client that limits the time and the body of each answer.
    pub fn new(timeout: Duration, max_body_bytes: usize) -> Self {
        Self {
            public: HttpClient::restricted(timeout, max_body_bytes, Reach::is_public),
            private: HttpClient::restricted(timeout, max_body_bytes, Reach::is_public_or_private),
        }
    }

    /// Posts a message, signed at `now`. Never sends it twice.
    ///
    /// # Errors
    /// [`SendError`] if there was no status in time, or the host has no allowed address. The message may have arrived.
    ///
    /// # Panics
    /// Never: the types of the arguments allow only valid URLs and headers.
    pub async fn post(
        &self,
        destination: &Destination,
        secrets: &Secrets,
        message: &Message,
        now: SystemTime,
    ) -> Result<Reply, SendError> {
        let timestamp = unix_seconds(now);
        let request = Request::post(destination.uri())
            .header(CONTENT_TYPE, message.content_type)
            .header(USER_AGENT, AGENT)
            .header(ID_HEADER, message.id.as_str())
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, secrets.sign(&message.id, timestamp, &message.body))
            .body(message.body.clone())
            .expect("a valid URL, and headers of letters, digits and base64");
        let client = match destination.reach() {
            Reach::Public => &self.public,
            Reach::Private => &self.private,
        };
        let response = client.send_for_status(request).await.map_err(SendError)?;
        let (head, body) = response.into_parts();
        Ok(Reply {
            status: head.status,
            retry_after: retry_after(&head.headers, now),
            body,
        })
    }
}

/// Returns the time to wait, which a server may say in seconds or as a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER).map(HeaderValue::to_str)?.ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().expect("a value"))]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
