//! Tickets in paths, for clients that cannot send headers: `/t/<ticket>` before any path of the REST port.
//!
//! The ticket is stripped before any other code handles the request, so that it never reaches routes, logs or responses.

use std::borrow::Cow;
use std::fmt;

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use draftstore_auth::TICKET_PREFIX;
use percent_encoding::percent_decode_str;

const BEFORE_TICKET: &str = "/t/";

/// The replacement for credentials in a redacted path.
const REDACTED: &str = "\u{2026}";

/// Returns the path prefix that carries this ticket.
pub(crate) fn path_of(ticket: &str) -> String {
    format!("{BEFORE_TICKET}{ticket}")
}

/// The unverified ticket from the path of a request, stored as an extension of the request.
#[derive(Clone)]
pub(crate) struct PathTicket {
    ticket: String,
    /// The path ended with the ticket, without a slash.
    is_last: bool,
}

impl PathTicket {
    /// Returns the ticket, or `None` if the path had a malformed one, or several.
    pub(crate) fn ticket(&self) -> Option<&str> {
        self.ticket.starts_with(TICKET_PREFIX).then_some(self.ticket.as_str())
    }

    /// Returns the path with a slash at its end, relative to the path that the request has, if it has none. The links of a
    /// page at the path would lose the ticket.
    pub(crate) fn with_slash(&self, query: Option<&str>) -> Option<String> {
        let ticket = self.ticket().filter(|_| self.is_last)?;
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("./{ticket}/{query}"))
    }
}

impl fmt::Debug for PathTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathTicket").finish_non_exhaustive()
    }
}

/// Returns the path without its leading tickets.
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
    request.extensions_mut().insert(found);
    request
}

/// Returns the ticket and the URI without it. The ticket is empty if there are several.
fn split(uri: &Uri) -> Option<(PathTicket, Uri)> {
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
    let found = PathTicket {
        ticket: found,
        is_last: !rest.starts_with('/'),
    };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let mut parts = uri.clone().into_parts();
    // The rest of a valid path is valid. If it were not, the request would go to "/".
    let rest = format!("{slash}{rest}").parse();
    parts.path_and_query = Some(rest.unwrap_or(PathAndQuery::from_static("/")));
    Some((found, Uri::from_parts(parts).unwrap_or_default()))
}

/// Returns the path without tickets, wherever they are in it, for logs and responses.
pub(crate) fn redacted_path(path: &str) -> Cow<'_, str> {
    // Every ticket contains a `_`, possibly percent-encoded.
    if !path.bytes().any(|byte| matches!(byte, b'_' | b'%')) {
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
            assert_eq!((found.ticket(), left.to_string()), (ticket, rest.to_owned()), "{uri}");
        }
        for uri in ["/", "/t", "/api/v1/t/x", "/health?t=/t/dst_a", "*"] {
            assert!(split(&uri.parse().expect(uri)).is_none(), "{uri}");
        }
    }

    #[test]
    fn path_that_ends_with_the_ticket_gets_a_slash() {
        for (uri, location) in [
            ("/t/dst_a", Some("./dst_a/")),
            ("/t/dst_a?x=1", Some("./dst_a/?x=1")),
            ("/t/dst_a/", None),
            ("/t/dst_a/x", None),
            ("/t/javascript:alert(1)", None),
            ("/t/dst_a/t/dst_b", None),
        ] {
            let uri: Uri = uri.parse().expect(uri);
            let (found, _) = split(&uri).expect("a ticket");
            assert_eq!(found.with_slash(uri.query()).as_deref(), location, "{uri}");
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
        assert!(!format!("{:?}", split(&"/t/dst_hush".parse().expect("a URI"))).contains("hush"));
    }
}
