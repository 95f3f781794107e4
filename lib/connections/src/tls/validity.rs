//! The time in which certificates are valid. rustls does not check it for the server's own.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The time in which every certificate of a chain is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    not_before: i64,
    not_after: i64,
}

/// The reason why a certificate is not valid at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfDate {
    /// The certificate has expired, at this second since 1970.
    Expired(i64),
    /// The certificate becomes valid in the future, at this second since 1970.
    NotYetValid(i64),
}

impl Validity {
    /// Returns the time in which the whole chain is valid. A certificate that cannot be parsed does not limit it.
    pub(super) fn of(chain: &[CertificateDer<'_>]) -> Self {
        let parsed = chain.iter().filter_map(|der| X509Certificate::from_der(der).ok());
        let always = Self {
            not_before: i64::MIN,
            not_after: i64::MAX,
        };
        parsed.fold(always, |all, (_, certificate)| {
            let own = certificate.validity();
            Self {
                not_before: all.not_before.max(own.not_before.timestamp()),
                not_after: all.not_after.min(own.not_after.timestamp()),
            }
        })
    }

    /// Returns the reason why the chain is not valid at this time, or `None` if it is.
    pub(super) fn problem(self, now: SystemTime) -> Option<OutOfDate> {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        if now > self.not_after {
            Some(OutOfDate::Expired(self.not_after))
        } else if now < self.not_before {
            Some(OutOfDate::NotYetValid(self.not_before))
        } else {
            None
        }
    }
}

impl fmt::Display for OutOfDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, seconds) = match self {
            Self::Expired(at) => ("expired at", at),
            Self::NotYetValid(at) => ("is not valid before", at),
        };
        match Timestamp::from_second(*seconds) {
            Ok(at) => write!(f, "{what} {at}"),
            Err(_) => write!(f, "{what} {seconds} seconds since 1970"),
        }
    }
}
