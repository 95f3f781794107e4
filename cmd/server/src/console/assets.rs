//! The console's files, which are included in the binary.

use axum::body::Bytes;
use sha2::{Digest as _, Sha256};

/// A file of the console.
#[derive(Debug)]
pub(crate) struct Asset {
    /// The path at which it is served.
    pub(crate) route: &'static str,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// The file's content.
    pub(crate) bytes: &'static [u8],
}

impl Asset {
    /// Returns the file's `ETag`.
    pub(super) fn etag(&self) -> String {
        etag(self.bytes)
    }
}

/// Returns the `ETag` of these bytes: the first half of the SHA-256, in quotes.
pub(crate) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]))
}

pub(crate) const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($path:literal, $content_type:expr) => {
        Asset {
            route: concat!("/console/", $path),
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../console/", $path)),
        }
    };
}

/// The HTML page, which is served at `/`.
pub(super) static PAGE: Asset = asset!("index.html", HTML);

/// Returns the HTML page. If the server keeps copies of what is replaced and deleted, the page says so to its scripts.
pub(super) fn page(keeps_copies: bool) -> Bytes {
    const PLAIN: &str = "<html lang=\"en\">";
    if !keeps_copies {
        return Bytes::from_static(PAGE.bytes);
    }
    let page = String::from_utf8_lossy(PAGE.bytes);
    page.replacen(PLAIN, "<html lang=\"en\" data-keeps-copies>", 1).into()
}

/// The files that the page loads.
pub(super) static ASSETS: [Asset; 28] = [
    asset!("app/actions.js", JAVASCRIPT),
    asset!("app/api.js", JAVASCRIPT),
    asset!("app/dialog.js", JAVASCRIPT),
    asset!("app/dom.js", JAVASCRIPT),
    asset!("app/download.js", JAVASCRIPT),
    asset!("app/drafts.js", JAVASCRIPT),
    asset!("app/format.js", JAVASCRIPT),
    asset!("app/guard.js", JAVASCRIPT),
    asset!("app/icons.js", JAVASCRIPT),
    asset!("app/main.js", JAVASCRIPT),
    asset!("app/objects.js", JAVASCRIPT),
    asset!("app/preview.js", JAVASCRIPT),
    asset!("app/row.js", JAVASCRIPT),
    asset!("app/signin.js", JAVASCRIPT),
    asset!("app/thumbnails.js", JAVASCRIPT),
    asset!("app/toasts.js", JAVASCRIPT),
    asset!("app/uploads.js", JAVASCRIPT),
    asset!("app/usage.js", JAVASCRIPT),
    asset!("app/versions.js", JAVASCRIPT),
    asset!("icon.svg", SVG),
    asset!("style/base.css", CSS),
    asset!("style/dialog.css", CSS),
    asset!("style/layout.css", CSS),
    asset!("style/list.css", CSS),
    asset!("style/uploads.css", CSS),
    asset!("vendor/LICENSES.txt", TEXT),
    asset!("vendor/uppy.css", CSS),
    asset!("vendor/uppy.js", JAVASCRIPT),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::read_dir;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_served() {
        let mut files = BTreeSet::new();
        for directory in ["app", "style", "vendor"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("console").join(directory);
            for entry in read_dir(path).expect("a directory") {
                let name = entry.expect("a file").file_name();
                files.insert(format!("/console/{directory}/{}", name.to_str().expect("UTF-8")));
            }
        }
        files.insert("/console/icon.svg".to_owned());
        let served: BTreeSet<_> = ASSETS.iter().map(|asset| asset.route.to_owned()).collect();
        assert_eq!(files, served);
    }
}
