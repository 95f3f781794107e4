//! The `Content-Disposition` of downloads, which tells a browser to show or to save an object.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use draftstore_storage::MediaType;

/// The requested behaviour of a browser with a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disposition {
    /// Save objects that a browser might execute and downloads with a file name. Leave the rest to the browser.
    #[default]
    Safe,
    /// Always save the object.
    Attachment,
    /// Always show the object, whatever its media type.
    Inline,
}

/// Media types, in addition to images, audio, video and fonts, that a browser shows without executing anything.
const INERT_TYPES: [&str; 6] = [
    "application/json",
    "application/octet-stream",
    "application/pdf",
    "binary/octet-stream",
    "text/csv",
    "text/plain",
];

/// Returns the value of the header. `agreed` is the value that the uploader agreed on with the server, if there is one.
///
/// Media types that are not known to be inert are saved, because drafts come from untrusted users. An `.svg` or `.html`
/// file that a browser opens on the store's origin runs its scripts there.
pub(super) fn content_disposition(
    disposition: Disposition,
    filename: Option<&str>,
    content_type: Option<&MediaType>,
    agreed: Option<&str>,
) -> String {
    let is_inert = content_type.is_some_and(is_inert);
    let kind = match (disposition, filename, agreed) {
        (Disposition::Safe, None, Some(agreed)) if is_inert || agreed.starts_with(ATTACHMENT) => agreed,
        (Disposition::Safe, None, _) if is_inert => "inline",
        (Disposition::Inline, _, _) => "inline",
        (Disposition::Safe | Disposition::Attachment, _, _) => ATTACHMENT,
    };
    filename.map_or_else(|| kind.to_owned(), |name| with_filename(kind, name))
}

/// The disposition of objects that are saved.
const ATTACHMENT: &str = "attachment";

fn is_inert(content_type: &MediaType) -> bool {
    let essence = content_type.essence();
    let (kind, subtype) = essence.split_once('/').unwrap_or_default();
    let media = matches!(kind, "image" | "audio" | "video" | "font");
    media && !subtype.contains("xml") || INERT_TYPES.contains(&essence)
}

/// All characters except the `attr-char` of RFC 8187, which need no encoding.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// Adds a file name in both forms of RFC 6266: quoted ASCII for old clients, and the extended form with the exact name.
fn with_filename(kind: &str, name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' {
            c
        } else {
            '_'
        }
    };
    let ascii: String = name.chars().map(plain).collect();
    let extended = utf8_percent_encode(name, ATTR_CHAR);
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{extended}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe(content_type: &str, agreed: Option<&str>) -> String {
        let content_type = content_type.parse().expect(content_type);
        content_disposition(Disposition::Safe, None, Some(&content_type), agreed)
    }

    #[test]
    fn executable_media_types_are_saved() {
        for active in [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "image/svg+xml",
            "application/xml",
            "application/xhtml+xml",
            "text/xml",
            "text/javascript",
            "made/up",
        ] {
            for agreed in [None, Some("inline"), Some("inline; filename=attachment")] {
                assert_eq!(safe(active, agreed), "attachment", "{active}");
            }
            assert_eq!(safe(active, Some("attachment; filename=a")), "attachment; filename=a");
        }
        assert_eq!(content_disposition(Disposition::Safe, None, None, None), "attachment");
    }

    #[test]
    fn inert_media_types_are_shown_unless_agreed_otherwise() {
        for inert in [
            "image/jpeg",
            "Image/PNG",
            "video/mp4",
            "application/pdf",
            "text/plain; charset=utf-8",
        ] {
            assert_eq!(safe(inert, None), "inline", "{inert}");
            assert_eq!(safe(inert, Some("attachment; filename=a")), "attachment; filename=a");
        }
    }

    #[test]
    fn disposition_of_the_request_overrides_the_default() {
        let html = "text/html".parse().expect("a media type");
        let inline = content_disposition(Disposition::Inline, None, Some(&html), Some("attachment"));
        assert_eq!(inline, "inline");
        let png = "image/png".parse().expect("a media type");
        let attachment = content_disposition(Disposition::Attachment, None, Some(&png), Some("inline"));
        assert_eq!(attachment, "attachment");
    }

    #[test]
    fn filename_is_encoded_in_both_forms() {
        let plain = "text/plain".parse().expect("a media type");
        let header = content_disposition(
            Disposition::Safe,
            Some("Übung \"1\"; x=y%.txt"),
            Some(&plain),
            Some("inline"),
        );
        assert_eq!(
            header,
            "attachment; filename=\"_bung _1_; x=y_.txt\"; filename*=UTF-8''%C3%9Cbung%20%221%22%3B%20x%3Dy%25.txt"
        );
    }
}
