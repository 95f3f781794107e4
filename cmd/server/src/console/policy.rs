//! What the console's page may load and do, as a Content Security Policy.
//!
//! Source: <https://www.w3.org/TR/CSP3/>.

use axum::http::HeaderValue;
use draftstore_service::Drafts;
use draftstore_service::draft::{IssueDownload, Stage};

/// What goes on where nothing else is said: nothing. `data:` images are icons in Uppy's style sheet, `blob:` ones its
/// thumbnails of files that are yet to be uploaded.
const OWN: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                   script-src 'self'; style-src 'self'";

/// The policy of the page. Uploads and previews go to where presigned URLs lead, which only the signer knows: it depends
/// on the public endpoint, and on whether buckets are in the path or in the host's name.
///
/// Where nothing can be signed the page gets no further origins: it still shows what the API says is wrong.
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
    // An origin that a header cannot hold is none that a browser could send requests to.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(OWN))
}

/// Scheme and host that URLs of this stage lead to. Signs for nobody, and asks the store nothing.
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
            tracing::warn!(error, "nothing can be signed: the console cannot reach the store");
            None
        }
    }
}

fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    // Anything else would end the directive, and begin another.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b);
    let is_origin = matches!(scheme, "http" | "https") && !host.is_empty() && host.bytes().all(plain);
    is_origin.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_scheme_and_host_and_nothing_that_ends_a_directive() {
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
