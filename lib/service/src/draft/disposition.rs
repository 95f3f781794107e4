//! What a browser does with a download: the `Content-Disposition` that the store answers with.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fields::is_token;

/// What the caller wants a browser to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disposition {
    /// Save what a browser would execute and what is asked for by a file name; leave the rest to the browser.
    #[default]
    Safe,
    /// Save it.
    Attachment,
    /// Show it, whatever it is.
    Inline,
}

/// Media types, beside images, sound, video and fonts, that a browser shows without executing anything.
const INERT_TYPES: [&str; 6] = [
    "application/json",
    "application/octet-stream",
    "application/pdf",
    "binary/octet-stream",
    "text/csv",
    "text/plain",
];

/// The header's value, or none where the stored one may stand.
///
/// Whatever is not known to be inert is saved, for drafts come from strangers: an `.svg` or `.html` that a browser
/// opened on the store's origin would run its scripts there.
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

/// What RFC 8187 leaves as it is.
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

/// Both forms of RFC 6266: the quoted one in ASCII for old clients, the extended one with the name itself.
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
    fn what_a_browser_would_execute_is_saved() {
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
    fn what_is_inert_is_left_to_the_browser() {
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
    fn caller_can_ask_otherwise_by_name() {
        let inline = content_disposition(Disposition::Inline, None, Some("text/html"));
        assert_eq!(inline.as_deref(), Some("inline"));
        let attachment = content_disposition(Disposition::Attachment, None, Some("image/png"));
        assert_eq!(attachment.as_deref(), Some("attachment"));
    }

    #[test]
    fn filename_is_given_in_both_forms_and_breaks_out_of_neither() {
        let header = content_disposition(Disposition::Safe, Some("Übung \"1\"; x=y%.txt"), Some("text/plain"));
        assert_eq!(
            header.as_deref(),
            Some(
                "attachment; filename=\"_bung _1_; x=y_.txt\"; filename*=UTF-8''%C3%9Cbung%20%221%22%3B%20x%3Dy%25.txt"
            )
        );
    }
}
