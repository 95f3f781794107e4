//! The detection of truncated responses. The SDK's parser takes the end of the text for the end of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// An interceptor that checks the response to the one call that gets a clone of it.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    root: &'static str,
    is_whole: Arc<AtomicBool>,
}

impl Whole {
    /// Creates the check of a document with this root.
    pub(crate) fn new(root: &'static str) -> Self {
        Self {
            root,
            is_whole: Arc::default(),
        }
    }

    /// Returns `true` if the last response ended as the document does.
    pub(crate) fn get(&self) -> bool {
        self.is_whole.load(Ordering::Relaxed)
    }
}

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        self.is_whole.store(ends_with(body, self.root), Ordering::Relaxed);
        Ok(())
    }
}

/// Returns the name of the root of an XML document that ends with its closing tag.
pub(crate) fn root_of_whole(body: &[u8]) -> Option<&str> {
    let elements = body.split(|b| *b == b'<').skip(1);
    let root = elements
        .into_iter()
        .find(|element| !element.starts_with(b"?") && !element.starts_with(b"!"));
    let name = root.and_then(|root| {
        root.split(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'))
            .next()
    });
    name.and_then(|name| str::from_utf8(name).ok())
        .filter(|name| !name.is_empty() && ends_with(body, name))
}

/// Finds the root's closing tag, whose name may have a prefix.
fn ends_with(body: &[u8], root: &str) -> bool {
    let name = body
        .trim_ascii_end()
        .strip_suffix(b">")
        .and_then(|rest| rest.trim_ascii_end().strip_suffix(root.as_bytes()));
    name.is_some_and(|rest| rest.ends_with(b"/") || rest.ends_with(b":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_whole_when_its_root_is_closed() {
        for whole in ["<R><A/></R>", "<R></R>\n", "<n:R></n:R >"] {
            assert!(ends_with(whole.as_bytes(), "R"), "{whole}");
        }
        for cut in ["", "<R>", "<R><A/>", "<R></R", "<R><OR></OR>", "R>"] {
            assert!(!ends_with(cut.as_bytes(), "R"), "{cut}");
        }
    }

    #[test]
    fn document_without_its_end_is_not_whole() {
        for whole in [
            "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><A/></R>",
            "<R></R>\n",
            "<n:R></n:R>",
        ] {
            assert!(root_of_whole(whole.as_bytes()).is_some(), "{whole}");
        }
        for cut in ["", "no document", "<?xml version=\"1.0\"?>", "<R><A/>", "<R><A></A>"] {
            assert_eq!(root_of_whole(cut.as_bytes()), None, "{cut}");
        }
    }
}
