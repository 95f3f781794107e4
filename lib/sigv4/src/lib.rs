//! Signature Version 4 in the query of a URL and in the fields of an upload form.
//!
//! Pure: the time is an argument, and nothing is read, kept or sent. The crate knows no SDK and nothing of drafts. A
//! [`Signer`] holds what the signatures of one second share, which makes each about fifty times cheaper than the AWS
//! SDK's; the results are equal byte for byte.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

mod bucket_url;
mod credentials;
mod encoding;
mod form;
mod signer;
mod signing_key;
mod timestamp;
mod url;

pub use bucket_url::BucketUrl;
pub use credentials::Credentials;
pub use form::UploadForm;
pub use signer::Signer;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use url::{MAX_VALIDITY_SECONDS, UrlRequest};

/// The name of the algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
