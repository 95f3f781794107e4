//! Validation of the page size and the page token of a listing.

use draftstore_storage::ObjectPage;

use crate::Violation;
use crate::limits::{MAX_PAGE_SIZE, MAX_PAGE_TOKEN_BYTES};
use crate::violation::Violations;

/// A validated request for a page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) size: u16,
    pub(super) after: Option<String>,
}

impl Page {
    /// Validates the size and the token, and records the rules that they break.
    pub(super) fn check(size: Option<i32>, token: Option<&str>, broken: &mut Violations) -> Self {
        Self {
            size: broken.take_optional(size.map(page_size)).unwrap_or(MAX_PAGE_SIZE),
            after: broken.take_optional(token.map(page_token)),
        }
    }
}

/// Returns the token of the next page, which is the last key, or `None` on the last page.
pub(super) fn next_page_token(page: &ObjectPage) -> Option<String> {
    let last = page.objects.last().map(|object| object.key.to_string());
    page.next.as_ref().and(last)
}

fn page_size(size: i32) -> Result<u16, Violation> {
    let rule = || Violation::new("page_size", format!("must be 1 to {MAX_PAGE_SIZE}"));
    let size = u16::try_from(size).map_err(|_| rule())?;
    (1..=MAX_PAGE_SIZE).contains(&size).then_some(size).ok_or_else(rule)
}

fn page_token(token: &str) -> Result<String, Violation> {
    let plain = (1..=MAX_PAGE_TOKEN_BYTES).contains(&token.len());
    let rule = "must be the next_page_token of the previous page";
    plain
        .then(|| token.to_owned())
        .ok_or_else(|| Violation::new("page_token", rule))
}
