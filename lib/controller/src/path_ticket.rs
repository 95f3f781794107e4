//! Tickets in paths, for clients that send no headers: `/t/<ticket>` before any path of the REST port.
//!
//! A ticket is stripped before anything else sees the request, so that routes, logs and responses never have it.

use std::borrow::Cow;
use std::fmt;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use draftstore_auth::TICKET_PREFIX;
use percent_encoding::percent_decode_str;

const BEFORE_TICKET: &str = "/t/";

/// The replacement for credentials in a path that is shown.
const REDACTED: &str = "\u{2026}";

/// Returns the beginning of a path that carries this ticket.
pub(crate) fn path_of(ticket: &str) -> String {
    format!("{BEFORE_TICKET}{ticket}")
}

/// The ticket that was in the path of a request, unchecked. A request carries it as an extension.
#[derive(Clone)]
pub(crate) struct PathTicket(String);

impl PathTicket {
    /// Returns the ticket, or `None` if the path had none that looks like one, or several.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.0.starts_with(TICKET_PREFIX).then_some(self.0.as_str())
    }
}

impl fmt::Debug for PathTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathTicket").finish_non_exhaustive()
    }
}

/// Returns the path behind the tickets that may be in front of it.
pub(crate) fn without_ticket(path: &str) -> &str {
    let mut rest = path;
    while let Some(after) = rest.strip_prefix(BEFORE_TICKET) {
        rest = after.find('/').map_or("/", |end| &after[end..]);
    }
    rest
}

/// Moves the ticket of the request's path to its extensions.
pub(crate) fn strip_ticket(mut request: Request) -> Request {
    let Some((found, uri)) = split(request.uri()) else {
        return request;
    };
    *request.uri_mut() = uri;
    request.extensions_mut().insert(PathTicket(found));
    request
}

/// Returns the ticket and the URI without it. Of several tickets none counts.
fn split(uri: &Uri) -> Option<(String, Uri)> {
    let mut rest = uri.path_and_query()?.as_str();
    let mut found: Vec<&str> = Vec::new();
    while let Some(after) = rest.strip_prefix(BEFORE_TICKET) {
        let end = after.find(['/', '?']).unwrap_or(after.len());
        let (ticket, next) = after.split_at(end);
        found.push(ticket);
        rest = next;
    }
    let found = match found.as_slice() {
        [] => return None,
        [one] => (*one).to_owned(),
        [..] => String::new(),
    };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let mut parts = uri.clone().into_parts();
    // A piece of what was valid is valid; were it not, nothing of it would be kept.
    let rest = format!("{slash}{rest}").parse();
    parts.path_and_query = Some(rest.unwrap_or(PathAndQuery::from_static("/")));
    Some((found, Uri::from_parts(parts).unwrap_or_default()))
}

/// Returns the path as logs and responses may have it: without a ticket in a wrong place, too.
pub(crate) fn redacted_path(path: &str) -> Cow<'_, str> {
    // Every ticket has a `_`, be it percent-encoded.
    if !path.contains(['_', '%']) {
        return Cow::Borrowed(path);
    }
    let segment = |segment| {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        let is_secret = decoded.to_ascii_lowercase().contains(TICKET_PREFIX);
        if is_secret { REDACTED } else { segment }
    };
    Cow::Owned(path.split('/').map(segment).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_is_stripped_from_the_path() {
        for (uri, ticket, rest) in [
            (
                "/t/dst_a.b.c/api/v1/upload-url",
                Some("dst_a.b.c"),
                "/api/v1/upload-url",
            ),
            (
                "/t/dst_a/uppy/s3/params?filename=/t/x",
                Some("dst_a"),
                "/uppy/s3/params?filename=/t/x",
            ),
            ("http://h:1/t/dst_a/x?y", Some("dst_a"), "http://h:1/x?y"),
            ("/t/dst_a", Some("dst_a"), "/"),
            ("/t/dst_a?x=1", Some("dst_a"), "/?x=1"),
            ("/t/dst_a/", Some("dst_a"), "/"),
            ("/t/other/x", None, "/x"),
            ("/t//x", None, "/x"),
            ("/t/", None, "/"),
            ("/t/dst_a/t/dst_b/x", None, "/x"),
        ] {
            let (found, left) = split(&uri.parse().expect(uri)).expect(uri);
            let ticket = ticket.map(ToOwned::to_owned);
            assert_eq!(
                (PathTicket(found).ticket().map(ToOwned::to_owned), left.to_string()),
                (ticket, rest.to_owned()),
                "{uri}"
            );
        }
        for uri in ["/", "/t", "/api/v1/t/x", "/health?t=/t/dst_a", "*"] {
            assert_eq!(split(&uri.parse().expect(uri)), None, "{uri}");
        }
    }

    #[test]
    fn paths_are_redacted() {
        for (path, expected) in [
            ("/api/v1/upload-url", "/api/v1/upload-url"),
            ("//t/dst_a/x", "//t/\u{2026}/x"),
            ("/api/dst_a.b", "/api/\u{2026}"),
            ("/t/%64st%5Fa/x", "/t/\u{2026}/x"),
            ("/DST_A", "/\u{2026}"),
            ("", ""),
        ] {
            assert!(TICKET_PREFIX.contains('_'));
            assert_eq!(redacted_path(path), expected);
        }
        assert!(!format!("{:?}", PathTicket("dst_hush".to_owned())).contains("hush"));
    }
}
