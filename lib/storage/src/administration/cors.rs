//! Cross-origin rules of a bucket.

/// A rule that lets web pages of some origins use a bucket by presigned URLs.
///
/// Allows GET, HEAD, PUT, POST and DELETE with any request header. Exposes `ETag` and `Location`: a multipart upload
/// from a browser fails if the page cannot read `ETag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsRule {
    /// The origins as browsers send them (`https://app.example.com`), or `*`. Never empty.
    pub allowed_origins: Vec<String>,
}
