//! Where the objects of a bucket are.

/// The URL of a bucket, up to where the key begins, in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::s3) struct Base {
    url: String,
    host: std::ops::Range<usize>,
}

impl Base {
    /// Of a URL that ends where the key is to begin: `http://host:9000/bucket/` or `https://bucket.host/`. None of any other.
    pub(in crate::s3) fn new(url: impl Into<String>) -> Option<Self> {
        let url = url.into();
        let begin = url.find("://")? + 3;
        let end = begin + url[begin..].find('/')?;
        let plain = url.ends_with('/') && end > begin && !url.contains(['?', '#']);
        plain.then_some(Self { host: begin..end, url })
    }

    /// All of it, for what goes to the bucket itself.
    pub(in crate::s3) fn url(&self) -> &str {
        &self.url
    }

    /// The `Host` that clients send there.
    pub(super) fn host(&self) -> &str {
        let host = &self.url[self.host.clone()];
        let default = if self.url.starts_with("https") { ":443" } else { ":80" };
        host.strip_suffix(default).unwrap_or(host)
    }

    /// How long the URL is before its path.
    pub(super) fn path_begins(&self) -> usize {
        self.host.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_end_where_keys_begin() {
        for (url, host) in [
            ("http://store:9000/b-draft/", "store:9000"),
            ("https://b.s3.us-east-1.amazonaws.com/", "b.s3.us-east-1.amazonaws.com"),
            ("http://[::1]:9000/s3/b/", "[::1]:9000"),
            ("http://store:80/b/", "store"),
            ("https://store:443/b/", "store"),
            ("http://store:443/b/", "store:443"),
        ] {
            let base = Base::new(url).expect(url);
            assert_eq!((base.url(), base.host()), (url, host));
            assert_eq!(&url[base.path_begins()..=base.path_begins()], "/");
        }
        for bad in [
            "",
            "store/",
            "http://store",
            "http:///b/",
            "http://store/b",
            "http://store/?a=/",
        ] {
            assert_eq!(Base::new(bad), None, "{bad}");
        }
    }
}
