//! The signature of a message, which both sides of a webhook compute.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::message::MessageId;
use crate::secret::Secrets;

/// The header with the ID of a message.
pub const ID_HEADER: &str = "webhook-id";

/// The header with the time at which a message was sent, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";

/// The header with the signatures of a message, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// The maximum difference between the time of a message and the receiver's clock.
pub const MAX_AGE: Duration = Duration::from_secs(300);

/// The beginning of a signature by HMAC-SHA256.
const VERSION: &str = "v1,";

/// A received message, as its three headers and its body say.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The value of [`ID_HEADER`].
    pub id: &'a str,
    /// The value of [`TIMESTAMP_HEADER`].
    pub timestamp: &'a str,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
}

/// The reason why a received message is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The ID or the time has another form than Standard Webhooks says.
    #[error("the webhook-id or the webhook-timestamp is malformed")]
    Malformed,
    /// The time is too far from now.
    #[error("the webhook-timestamp is more than 5 minutes from now")]
    Timestamp,
    /// No signature is by one of the secrets.
    #[error("no webhook-signature matches")]
    Signature,
}

impl Secrets {
    /// Returns the value of [`SIGNATURE_HEADER`], with a signature by each secret.
    pub fn sign(&self, id: &MessageId, timestamp: u64, body: &[u8]) -> String {
        let content = content(id.as_str(), &timestamp.to_string(), body);
        let signatures = self.iter().map(|secret| {
            let tag = hmac::sign(secret.key(), &content);
            format!("{VERSION}{}", STANDARD.encode(tag.as_ref()))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Verifies a received message at `now`, in constant time, and returns its ID.
    ///
    /// # Errors
    /// [`NotVerified`] if the message was not signed by one of the secrets within [`MAX_AGE`].
    pub fn verify(&self, signed: Signed<'_>, now: SystemTime) -> Result<MessageId, NotVerified> {
        let id = signed.id.parse().map_err(|_| NotVerified::Malformed)?;
        let timestamp: u64 = signed.timestamp.parse().map_err(|_| NotVerified::Malformed)?;
        let content = content(signed.id, signed.timestamp, signed.body);
        let tags = signed.signature.split(' ').filter_map(|signature| {
            let encoded = signature.strip_prefix(VERSION)?;
            STANDARD.decode(encoded).ok()
        });
        let mut tags = tags.flat_map(|tag| self.iter().map(move |secret| (secret, tag.clone())));
        if !tags.any(|(secret, tag)| hmac::verify(secret.key(), &content, &tag).is_ok()) {
            return Err(NotVerified::Signature);
        }
        if unix_seconds(now).abs_diff(timestamp) > MAX_AGE.as_secs() {
            return Err(NotVerified::Timestamp);
        }
        Ok(id)
    }
}

/// Returns the bytes that are signed.
fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// Returns the seconds since 1970, and zero before.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the signature of the test vector of Standard Webhooks' libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn secrets(texts: &[&str]) -> Secrets {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        texts.try_into().expect("valid secrets")
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const SIGNED: Signed<'static> = Signed {
        id: ID,
        timestamp: "1614265330",
        signature: SIGNATURE,
        body: BODY,
    };

    #[test]
    fn signature_is_that_of_standard_webhooks() {
        let id: MessageId = ID.parse().expect("valid");
        assert_eq!(secrets(&[SECRET]).sign(&id, TIMESTAMP, BODY), SIGNATURE);
        assert_eq!(secrets(&[SECRET]).verify(SIGNED, at(TIMESTAMP)), Ok(id));
    }

    #[test]
    fn two_secrets_give_two_signatures_and_verify_either() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let id: MessageId = ID.parse().expect("valid");
        let both = secrets(&[other, SECRET]).sign(&id, TIMESTAMP, BODY);
        assert!(both.ends_with(&format!(" {SIGNATURE}")), "{both}");
        let signed = Signed {
            signature: &both,
            ..SIGNED
        };
        for receiver in [&[SECRET][..], &[other], &[other, SECRET]] {
            assert!(secrets(receiver).verify(signed, at(TIMESTAMP)).is_ok());
        }
        assert_eq!(
            secrets(&[other]).verify(SIGNED, at(TIMESTAMP)),
            Err(NotVerified::Signature)
        );
    }

    #[test]
    fn changed_messages_are_not_verified() {
        for changed in [
            Signed { id: "msg_x", ..SIGNED },
            Signed {
                timestamp: "1614265331",
                ..SIGNED
            },
            Signed {
                timestamp: "+1614265330",
                ..SIGNED
            },
            Signed { body: b"{}", ..SIGNED },
            Signed {
                signature: "",
                ..SIGNED
            },
            Signed {
                signature: "v1,",
                ..SIGNED
            },
            Signed {
                signature: &SIGNATURE[3..],
                ..SIGNED
            },
            Signed {
                signature: "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                ..SIGNED
            },
        ] {
            let verified = secrets(&[SECRET]).verify(changed, at(TIMESTAMP));
            assert_eq!(verified, Err(NotVerified::Signature), "{changed:?}");
        }
        for malformed in [
            Signed { id: "a.b", ..SIGNED },
            Signed {
                timestamp: "now",
                ..SIGNED
            },
            Signed {
                timestamp: "-1",
                ..SIGNED
            },
        ] {
            let verified = secrets(&[SECRET]).verify(malformed, at(TIMESTAMP));
            assert_eq!(verified, Err(NotVerified::Malformed), "{malformed:?}");
        }
    }

    #[test]
    fn old_messages_are_not_verified() {
        for (now, expected) in [
            (TIMESTAMP - 301, false),
            (TIMESTAMP - 300, true),
            (TIMESTAMP + 300, true),
            (TIMESTAMP + 301, false),
        ] {
            assert_eq!(secrets(&[SECRET]).verify(SIGNED, at(now)).is_ok(), expected, "{now}");
        }
    }
}
