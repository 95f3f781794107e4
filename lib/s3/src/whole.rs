//! Detection of responses that were cut short. The SDK's parser takes the end of the text for the end of a list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

/// Checks the response to the one call that a clone of it is given to as an interceptor.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    root: &'static str,
    is_whole: Arc<AtomicBool>,
}

impl Whole {
    /// For a document with this root.
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
}
