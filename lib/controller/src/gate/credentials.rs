//! The credentials of a request.

use axum::extract::Request;
use axum::http::header;
use draftstore_auth::Unauthenticated;

use crate::path_ticket::PathTicket;

/// Returns the ticket of the path or the bearer token of the header. A request with both is refused, because it is ambiguous.
pub(super) fn bearer(request: &Request) -> Result<Option<&str>, Unauthenticated> {
    let Some(in_path) = request.extensions().get::<PathTicket>() else {
        return Ok(in_header(request));
    };
    let ticket = in_path.ticket();
    let ticket = ticket.filter(|_| !request.headers().contains_key(header::AUTHORIZATION));
    ticket.map(Some).ok_or(Unauthenticated::Invalid)
}

/// Returns the bearer token. Two headers, or one that is not ASCII, count as an empty token, so that no client depends on
/// which of them is read.
///
/// Source: RFC 6750, section 2.1.
fn in_header(request: &Request) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = match (values.next()?, values.next()) {
        (value, None) => value.to_str().unwrap_or("Bearer "),
        (_, Some(_)) => "Bearer ",
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
