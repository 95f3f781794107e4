//! The `Content-Disposition` of downloads, which tells a browser to show or to save an object.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fields::is_token;

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

/// Returns the value of the header, or `None` if the stored one is safe.
///
/// Media types that are not known to be inert are saved, because drafts come from untrusted users. An `.svg` or `.html`
/// file that a browser opens on the store's origin runs its scripts there.
pub(super) fn content_disposition(
    disposition: Disposition,
    filename: Option<&str>,
    content_type: Option<&str>,
) -> Option<String> {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
        Disposition::Safe if filename.is_some() || !content_type.is_some_and(is_inert) => "attachment",
        Disposition::Safe => return None,
    };
    Some(filename.map_or_else(|| kind.to_owned(), |name| with_filename(kind, name)))
}

fn is_inert(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let media = matches!(kind, "image" | "audio" | "video" | "font");
    is_token(kind) && is_token(subtype) && (media && !subtype.contains("xml") || INERT_TYPES.contains(&&*essence))
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

    fn safe(content_type: Option<&str>) -> Option<String> {
        content_disposition(Disposition::Safe, None, content_type)
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
            "image/png, text/html",
            "made/up",
            "",
            "image",
        ] {
            assert_eq!(safe(Some(active)).as_deref(), Some("attachment"), "{active}");
        }
        assert_eq!(safe(None).as_deref(), Some("attachment"));
    }

    #[test]
    fn inert_media_types_are_left_to_the_browser() {
        for inert in [
            "image/jpeg",
            "Image/PNG",
            "video/mp4",
            "application/pdf",
            "text/plain; charset=utf-8",
        ] {
            assert_eq!(safe(Some(inert)), None, "{inert}");
        }
    }

    #[test]
    fn caller_can_override_the_default() {
        let inline = content_disposition(Disposition::Inline, None, Some("text/html"));
        assert_eq!(inline.as_deref(), Some("inline"));
        let attachment = content_disposition(Disposition::Attachment, None, Some("image/png"));
        assert_eq!(attachment.as_deref(), Some("attachment"));
    }

    #[test]
    fn filename_is_escaped_in_both_forms() {
        let header = content_disposition(Disposition::Safe, Some("Übung \"1\"; x=y%.txt"), Some("text/plain"));
        assert_eq!(
            header.as_deref(),
            Some(
                "attachment; filename=\"_bung _1_; x=y_.txt\"; filename*=UTF-8''%C3%9Cbung%20%221%22%3B%20x%3Dy%25.txt"
            )
        );
    }
}
