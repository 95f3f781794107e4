//! Percent-encoding as S3 reads it.
//!
//! Source: RFC 3986, section 2.3.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends a key as the path of a URL: slashes stay.
pub(super) fn push_path(text: &mut String, key: &str) {
    push(text, key, |byte| is_unreserved(byte) || byte == b'/');
}

/// Appends a name or a value of a query.
pub(super) fn push_value(text: &mut String, value: &str) {
    push(text, value, is_unreserved);
}

fn push(text: &mut String, raw: &str, stays: impl Fn(u8) -> bool) {
    // Bytes that stay are ASCII: what is between two others is whole characters.
    let mut rest = raw;
    while let Some(place) = rest.bytes().position(|byte| !stays(byte)) {
        let (plain, behind) = rest.split_at(place);
        text.push_str(plain);
        let Some(escaped) = behind.chars().next() else { return };
        for byte in escaped.encode_utf8(&mut [0; 4]).bytes() {
            text.push('%');
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        rest = &behind[escaped.len_utf8()..];
    }
    text.push_str(rest);
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Lower-case hexadecimal digits.
pub(super) struct Hex([u8; 64]);

impl Hex {
    pub(super) fn of(bytes: &[u8; 32]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Self(hex)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits are ASCII")
    }
}
