//! Requests to scanners over HTTP, which this crate makes and does not send.

use std::fmt;
use std::time::SystemTime;

use futures::future::BoxFuture;

use crate::caller::WebhookScanner;

/// A client that sends requests to scanners. It does not follow redirects, and connects to no address that the policy does
/// not allow.
pub trait WebhookClient: fmt::Debug + Send + Sync {
    /// Posts a request once, signed with the secrets of the scanner. `private_hosts` may be in private networks.
    fn post<'a>(
        &'a self,
        scanner: &'a WebhookScanner,
        private_hosts: &'a [String],
        request: ScanRequest,
    ) -> BoxFuture<'a, Result<ScanReply, String>>;

    /// Returns true if the scanner has signed the report, at most five minutes before or after `now`.
    fn verify(&self, scanner: &WebhookScanner, report: &SignedReport<'_>, now: SystemTime) -> bool;
}

/// A signed report of a scanner.
#[derive(Debug)]
pub struct SignedReport<'a> {
    /// The ID of the message.
    pub id: &'a str,
    /// The time of the message, in Unix seconds.
    pub timestamp: &'a str,
    /// The signatures of the message.
    pub signature: &'a str,
    /// The text that is signed.
    pub body: String,
}

/// A request to scan one version of a draft.
pub struct ScanRequest {
    /// The ID of the request: letters and digits, and the same if it is sent again.
    pub id: String,
    /// The JSON of the request. It holds a presigned URL.
    pub body: Vec<u8>,
}

impl fmt::Debug for ScanRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanRequest")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The answer of a scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanReply {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The body of the answer, of a bounded size.
    pub body: Vec<u8>,
}
