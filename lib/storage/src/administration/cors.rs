//! Cross-origin rules of a bucket.

/// A rule that allows browsers of some origins to use a bucket: GET, HEAD, PUT, POST and DELETE by presigned URL, with any
/// header, reading `ETag` and `Location` (multipart uploads fail in browsers that cannot see `ETag`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsRule {
    /// Origins as browsers send them (`https://app.example.com`), or `*`. Never empty.
    pub allowed_origins: Vec<String>,
}
