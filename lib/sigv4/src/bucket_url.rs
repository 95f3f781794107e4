//! The URL under which the objects of a bucket are found.

use std::ops::Range;

/// The URL of a bucket, up to where the key begins: `http://host:9000/bucket/` or `https://bucket.host/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    url: String,
    host: Range<usize>,
}

impl BucketUrl {
    /// Takes a URL that ends with a slash and has no query, or returns `None`.
    pub fn new(url: impl Into<String>) -> Option<Self> {
        let url = url.into();
        let start = url.find("://")? + 3;
        let end = start + url[start..].find('/')?;
        let plain = url.ends_with('/') && end > start && !url.contains(['?', '#']);
        plain.then_some(Self { host: start..end, url })
    }

    /// Returns the whole URL, which requests on the bucket itself go to.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Returns the `Host` header that clients send there.
    pub(crate) fn host(&self) -> &str {
        let host = &self.url[self.host.clone()];
        let default = if self.url.starts_with("https") { ":443" } else { ":80" };
        host.strip_suffix(default).unwrap_or(host)
    }

    /// Returns the length of the URL before its path.
    pub(crate) fn path_start(&self) -> usize {
        self.host.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_urls_end_where_keys_begin() {
        for (url, host) in [
            ("http://store:9000/b-draft/", "store:9000"),
            ("https://b.s3.us-east-1.amazonaws.com/", "b.s3.us-east-1.amazonaws.com"),
            ("http://[::1]:9000/s3/b/", "[::1]:9000"),
            ("http://store:80/b/", "store"),
            ("https://store:443/b/", "store"),
            ("http://store:443/b/", "store:443"),
        ] {
            let bucket = BucketUrl::new(url).expect(url);
            assert_eq!((bucket.as_str(), bucket.host()), (url, host));
            assert_eq!(&url[bucket.path_start()..=bucket.path_start()], "/");
        }
        for bad in [
            "",
            "store/",
            "http://store",
            "http:///b/",
            "http://store/b",
            "http://store/?a=/",
        ] {
            assert_eq!(BucketUrl::new(bad), None, "{bad}");
        }
    }
}
