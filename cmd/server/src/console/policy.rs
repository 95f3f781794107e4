//! The Content Security Policy of the console's page.
//!
//! Source: <https://www.w3.org/TR/CSP3/>.

use axum::http::HeaderValue;
use draftstore_service::Drafts;
use draftstore_service::draft::{IssueDownload, Stage};

/// The policy without stores. Everything that is not listed is forbidden. In the full policy, `data:` images are icons in Uppy's
/// style sheet, and `blob:` images are its thumbnails of files before their upload.
const OWN: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                   script-src 'self'; style-src 'self'";

/// Returns the policy of the page. Uploads and previews use the origins of presigned URLs, which only the signer knows: they
/// depend on the public endpoint, and on whether buckets are in the path or in the host name.
///
/// If signing fails, the policy has no origins of stores, and the page still shows the errors of the API.
pub(super) async fn of_page(drafts: &Drafts) -> HeaderValue {
    let mut stores = String::new();
    for stage in [Stage::Draft, Stage::Main] {
        if let Some(origin) = origin_of(drafts, stage).await
            && !stores.contains(&origin)
        {
            stores.push(' ');
            stores.push_str(&origin);
        }
    }
    let policy = format!(
        "{OWN}; connect-src 'self'{stores}; img-src 'self' data: blob:{stores}; media-src 'self' blob:{stores}"
    );
    // An origin that is not a valid header value is not a valid origin for browsers either.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(OWN))
}

/// Returns the scheme and host of URLs of this stage, by signing one that is discarded. Sends no request to the store.
async fn origin_of(drafts: &Drafts, stage: Stage) -> Option<String> {
    let request = IssueDownload {
        object_name: "console".to_owned(),
        stage: Some(stage),
        unchecked: true,
        ..IssueDownload::default()
    };
    match drafts.issue_download(&request).await {
        Ok(issued) => origin(&issued.request.url.expose()),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "signing failed; console without store");
            None
        }
    }
}

fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    // Other characters could end the directive and begin another one.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    let is_origin = matches!(scheme, "http" | "https") && !host.is_empty() && host.bytes().all(plain);
    is_origin.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_scheme_and_host_only() {
        let of = |url| origin(url);
        assert_eq!(
            of("http://127.0.0.1:9000/main/a?b"),
            Some("http://127.0.0.1:9000".to_owned())
        );
        assert_eq!(
            of("https://main.s3.example.com?x"),
            Some("https://main.s3.example.com".to_owned())
        );
        for none in ["https://", "ftp://a/", "https://a;script-src *", "https://a b/", "a"] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
