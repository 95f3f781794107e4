//! What signatures of one second have in common, and those of one day.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::ALGORITHM;
use super::encoding::push_value;

/// A second, as signatures state it.
#[derive(Clone)]
pub(super) struct Second {
    /// Since 1970, by the clock of whoever calls.
    pub(super) since_epoch: u64,
    /// `20260131T235959Z`
    pub(super) time: String,
    /// The access key and what the key of the day is for: `AKID/20260131/us-east-1/s3/aws4_request`.
    pub(super) credential: String,
    /// The query, up to the seconds of its validity.
    pub(super) query: String,
    /// Has taken the string to sign, up to the digest of the request.
    pub(super) mac: Hmac<Sha256>,
    pub(super) day: Arc<Day>,
}

impl fmt::Debug for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Second").field(&self.since_epoch).finish()
    }
}

/// A day's signing key.
pub(super) struct Day {
    /// `20260131`
    date: String,
    pub(super) mac: Hmac<Sha256>,
}

impl Second {
    /// What there is to know of this second. The key of the day is made anew only where it is that of another one.
    pub(super) fn new(since_epoch: u64, credentials: &Credentials, region: &str, known: Option<&Arc<Day>>) -> Self {
        let at = DateTime::from(UNIX_EPOCH + Duration::from_secs(since_epoch));
        let at = at.fmt(Format::DateTime);
        let time = at.expect("the year has four digits").replace(['-', ':'], "");
        let date = time.split('T').next().unwrap_or_default();
        let day = match known.filter(|known| known.date == date) {
            Some(known) => Arc::clone(known),
            None => Arc::new(Day::new(date, credentials, region)),
        };
        let scope = format!("{date}/{region}/s3/aws4_request");
        let credential = format!("{}/{scope}", credentials.access_key_id());
        let mut query = format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential=");
        push_value(&mut query, &credential);
        query.push_str("&X-Amz-Date=");
        query.push_str(&time);
        query.push_str("&X-Amz-Expires=");
        let mut mac = day.mac.clone();
        mac.update(format!("{ALGORITHM}\n{time}\n{scope}\n").as_bytes());
        Self {
            since_epoch,
            time,
            credential,
            query,
            mac,
            day,
        }
    }
}

impl Day {
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
    fn new(date: &str, credentials: &Credentials, region: &str) -> Self {
        let key = mac(format!("AWS4{}", credentials.secret_access_key()).as_bytes());
        let mac = [date, region, "s3", "aws4_request"].iter().fold(key, |mut key, part| {
            key.update(part.as_bytes());
            mac(&key.finalize().into_bytes())
        });
        Self {
            date: date.to_owned(),
            mac,
        }
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
