//! The address of the server, as it is given on the command line.

use std::net::IpAddr;

use tonic::transport::Uri;

/// Returns the scheme and authority of the server. Without a scheme it is http on this machine, and https elsewhere, because a
/// token must not cross a network in the clear by default.
///
/// # Errors
/// Returns the rule that the text breaks.
pub(crate) fn server_url(text: &str) -> Result<Uri, String> {
    let invalid = |error: &dyn std::fmt::Display| format!("not an address such as http://127.0.0.1:50051: {error}");
    // Without a scheme, a slash would begin a path.
    let text = if text.contains("://") {
        text
    } else {
        text.trim_end_matches('/')
    };
    let uri: Uri = text.parse().map_err(|error| invalid(&error))?;
    let authority = uri.authority().cloned().ok_or_else(|| invalid(&"it has no host"))?;
    if authority.as_str().contains('@') {
        return Err("the URL must not contain credentials: use --token".to_owned());
    }
    let scheme = match uri.scheme_str() {
        Some(scheme @ ("http" | "https")) => scheme,
        Some(_) => return Err("the URL must start with http:// or https://".to_owned()),
        None if is_this_machine(authority.host()) => "http",
        None => "https",
    };
    if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
        return Err("the URL must not have a path, because gRPC has none".to_owned());
    }
    let url = Uri::builder().scheme(scheme).authority(authority).path_and_query("/");
    url.build().map_err(|error| invalid(&error))
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_is_http_on_this_machine_and_https_elsewhere() {
        for (text, url) in [
            ("localhost:50051", "http://localhost:50051/"),
            ("127.0.0.1:50051/", "http://127.0.0.1:50051/"),
            ("[::1]:50051", "http://[::1]:50051/"),
            ("drafts.example.com", "https://drafts.example.com/"),
            ("192.0.2.1:50051", "https://192.0.2.1:50051/"),
            ("http://drafts.example.com:50051", "http://drafts.example.com:50051/"),
            ("HTTPS://drafts.example.com/", "https://drafts.example.com/"),
        ] {
            assert_eq!(server_url(text).expect(text).to_string(), url);
        }
    }

    #[test]
    fn other_urls_are_rejected_with_the_rule() {
        for (text, rule) in [
            ("", "such as"),
            ("/", "such as"),
            ("http://", "such as"),
            ("a b", "such as"),
            ("ftp://drafts.example.com", "http://"),
            ("http://drafts.example.com/grpc", "path"),
            ("http://drafts.example.com?a=b", "path"),
            ("https://key:secret@drafts.example.com", "--token"),
            ("key@drafts.example.com", "--token"),
        ] {
            let error = server_url(text).expect_err(text);
            assert!(error.contains(rule) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
