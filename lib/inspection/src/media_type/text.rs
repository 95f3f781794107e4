//! Plain text.

/// Tells whether both ends of a file are text: no control character but those of terminals, and no zeros.
///
/// Source: <https://mimesniff.spec.whatwg.org/#binary-data-byte>
pub(super) fn is_text(head: &[u8], tail: &[u8]) -> bool {
    match encoding(head) {
        Some(unit) => is_utf16(head, unit) && is_utf16(tail, unit) && tail.len().is_multiple_of(2),
        None => [head, tail]
            .into_iter()
            .all(|end| end.iter().all(|byte| is_text_byte(*byte))),
    }
}

fn is_text_byte(byte: u8) -> bool {
    !matches!(byte, 0..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// Returns the order of the bytes of UTF-16 text that begins with a byte order mark.
fn encoding(head: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match head.get(..2)? {
        [0xff, 0xfe] => Some(u16::from_le_bytes),
        [0xfe, 0xff] => Some(u16::from_be_bytes),
        _ => None,
    }
}

fn is_utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> bool {
    let mut units = text.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    units.all(|unit| u8::try_from(unit).map_or(unit != 0xffff, is_text_byte))
}

/// Tells whether a file of a type that was found by its signature may consist of text alone. The signatures of other types
/// are two or three letters, with which a text may begin.
pub(super) fn may_be_text(media_type: &str) -> bool {
    const MAY: [&str; 14] = [
        "application/pdf",
        "application/rtf",
        "application/postscript",
        "application/pgp",
        "application/pgp-keys",
        "application/pgp-signature",
        "application/x-pem-file",
        "application/x-subrip",
        "application/json",
        "application/x-bittorrent",
        "image/gif",
        "image/x-eps",
        "image/x-xpixmap",
        "audio/x-mpegurl",
    ];
    media_type.starts_with("text/")
        || media_type.starts_with("image/x-portable-")
        || media_type.ends_with("+xml")
        || MAY.contains(&media_type)
}
