//! Markup that a browser would run: HTML, SVG and XML, behind whatever may stand before it.
//!
//! Browsers and XML parsers differ in what they skip. Here all of it is skipped, so that a file which any of them would
//! run is found to be what it runs as.
//!
//! Source: <https://mimesniff.spec.whatwg.org/#rules-for-identifying-an-unknown-mime-type>

use std::borrow::Cow;

/// A kind of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Markup {
    Html,
    Svg,
    Xhtml,
    Xml,
}

/// The elements with which a page may begin. A page that begins with another one has one of the texts in [`ACTIVE`].
const HTML_ELEMENTS: [&[u8]; 65] = [
    b"a",
    b"abbr",
    b"address",
    b"article",
    b"aside",
    b"audio",
    b"b",
    b"base",
    b"big",
    b"blink",
    b"blockquote",
    b"body",
    b"br",
    b"button",
    b"canvas",
    b"center",
    b"code",
    b"dd",
    b"details",
    b"div",
    b"dl",
    b"em",
    b"embed",
    b"font",
    b"footer",
    b"form",
    b"frame",
    b"frameset",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"head",
    b"header",
    b"hr",
    b"html",
    b"i",
    b"iframe",
    b"img",
    b"input",
    b"isindex",
    b"link",
    b"main",
    b"marquee",
    b"math",
    b"meta",
    b"nav",
    b"noscript",
    b"object",
    b"ol",
    b"p",
    b"pre",
    b"script",
    b"section",
    b"span",
    b"strong",
    b"style",
    b"table",
    b"template",
    b"textarea",
    b"title",
    b"ul",
    b"video",
];

/// Texts that make markup of any root run.
const ACTIVE: [&[u8]; 4] = [b"<script", b"<iframe", b"<svg", b"javascript:"];

/// Namespaces whose elements a browser runs inside of any XML.
const SVG_NAMESPACE: &[u8] = b"http://www.w3.org/2000/svg";
const XHTML_NAMESPACE: &[u8] = b"http://www.w3.org/1999/xhtml";

/// Finds the markup with which a file begins.
pub(super) fn sniff(head: &[u8]) -> Option<Markup> {
    let text = without_zeros(head);
    let mut rest = blanks(&text);
    // A comment or a declaration makes a page of whatever follows, a prologue makes XML of it.
    let (mut comment, mut xml) = (false, false);
    loop {
        if rest.is_empty() {
            // A comment makes a page of whatever follows. Blanks make nothing of it.
            return (comment || xml).then_some(Markup::Html);
        }
        if !rest.starts_with(b"<") {
            return if comment {
                Some(Markup::Html)
            } else {
                xml.then_some(Markup::Xml)
            };
        }
        let after = if let Some(inside) = rest.strip_prefix(b"<!--") {
            comment = true;
            end_of_comment(inside)
        } else if starts(rest, b"<?php") || starts(rest, b"<?=") {
            return None;
        } else if let Some(inside) = rest.strip_prefix(b"<?") {
            let Some(end) = memchr::memchr(b'>', inside) else {
                return Some(Markup::Xml);
            };
            if end > 0 && inside[end - 1] == b'?' {
                xml = true;
            } else {
                comment = true;
            }
            &inside[end + 1..]
        } else if starts(rest, b"<!doctype") {
            let name = blanks(&rest[b"<!doctype".len()..]);
            if is_element(name, b"html") {
                return Some(if xml { Markup::Xhtml } else { Markup::Html });
            }
            if is_element(name, b"svg") {
                return Some(Markup::Svg);
            }
            xml = true;
            end_of_doctype(rest)
        } else if rest.starts_with(b"<!") || rest.starts_with(b"</") {
            comment = true;
            after(rest, b'>')
        } else {
            return element(&rest[1..], &text, comment, xml);
        };
        rest = blanks(after);
    }
}

/// Finds the markup by the first element, whose `<` is before `tag`.
fn element(tag: &[u8], text: &[u8], comment: bool, xml: bool) -> Option<Markup> {
    let length = tag
        .iter()
        .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | 0x0b));
    let name = &tag[..length.unwrap_or(tag.len())];
    let local = name
        .rsplit(|byte| *byte == b':')
        .next()
        .unwrap_or(name)
        .to_ascii_lowercase();
    if local == b"svg" {
        return Some(Markup::Svg);
    }
    let is_xml = xml && !comment;
    if local == b"html" {
        return Some(if is_xml { Markup::Xhtml } else { Markup::Html });
    }
    if contains(text, XHTML_NAMESPACE) {
        return Some(Markup::Xhtml);
    }
    if contains(text, SVG_NAMESPACE) {
        return Some(Markup::Svg);
    }
    if is_xml {
        let runs = contains(text, b"<?xml-stylesheet");
        return Some(if runs { Markup::Xhtml } else { Markup::Xml });
    }
    let page = HTML_ELEMENTS.contains(&local.as_slice()) || ACTIVE.iter().any(|active| contains(text, active));
    if comment || page {
        return Some(Markup::Html);
    }
    let begins_a_name = name
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let closed = contains(text, b"</") || contains(text, b"/>");
    (begins_a_name && closed).then_some(Markup::Xml)
}

/// Returns text of UTF-16 as UTF-8. Without a byte order mark the zeros are removed, which leaves the tags in ASCII.
fn without_zeros(head: &[u8]) -> Cow<'_, [u8]> {
    let unit = match head {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    if let Some(unit) = unit {
        let units = head.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or('\u{fffd}'))
            .collect();
        return text.into_bytes().into();
    }
    let begins = &head[..head.len().min(512)];
    let ascii = |byte: &&u8| byte.is_ascii_whitespace() || byte.is_ascii_graphic();
    let letters = || begins.iter().filter(|byte| **byte != 0).take(4);
    if begins.contains(&0) && letters().filter(ascii).count() == letters().count() {
        head.iter().copied().filter(|byte| *byte != 0).collect()
    } else {
        Cow::Borrowed(head)
    }
}

/// Returns true if a file begins with nothing but what readers skip, so that what they find is not known.
pub(super) fn is_blank(head: &[u8]) -> bool {
    blanks(&without_zeros(head)).is_empty()
}

/// Skips what some reader skips before a tag: blanks, byte order marks, and characters without width.
fn blanks(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = match rest {
            [0..=0x20 | 0x7f, after @ ..]
            | [0xc2, 0x85 | 0xa0, after @ ..]
            | [0xe2, 0x80, 0x80..=0x8f | 0xa8..=0xaf, after @ ..]
            | [0xe2, 0x81, 0x9f..=0xaf, after @ ..]
            | [0xe3, 0x80, 0x80, after @ ..]
            | [0xef, 0xbb, 0xbf, after @ ..]
            | [0xff, 0xfe, after @ ..]
            | [0xfe, 0xff, after @ ..] => after,
            _ => return rest,
        };
    }
}

/// Returns what follows a comment, as HTML ends one.
fn end_of_comment(inside: &[u8]) -> &[u8] {
    if let Some(after) = inside.strip_prefix(b">").or_else(|| inside.strip_prefix(b"->")) {
        return after;
    }
    let ends = [b"-->".as_slice(), b"--!>"].map(|end| memchr::memmem::find(inside, end).map(|at| at + end.len()));
    ends.into_iter().flatten().min().map_or(&[], |end| &inside[end..])
}

/// Returns what follows a document type declaration, which may have declarations of its own in brackets.
fn end_of_doctype(rest: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'>', rest);
    match memchr::memchr(b'[', rest) {
        Some(bracket) if end.is_none_or(|end| bracket < end) => {
            let inside = &rest[bracket..];
            after(memchr::memchr(b']', inside).map_or(&[], |end| &inside[end..]), b'>')
        }
        _ => after(rest, b'>'),
    }
}

fn after(rest: &[u8], end: u8) -> &[u8] {
    memchr::memchr(end, rest).map_or(&[], |at| &rest[at + 1..])
}

fn starts(text: &[u8], lower: &[u8]) -> bool {
    text.get(..lower.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(lower))
}

fn is_element(text: &[u8], name: &[u8]) -> bool {
    starts(text, name) && text.get(name.len()).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

/// Tells whether a text contains another, in any case. The other is in lower case.
pub(super) fn contains(text: &[u8], lower: &[u8]) -> bool {
    let Some((first, _)) = lower.split_first() else {
        return true;
    };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text).any(|at| starts(&text[at..], lower))
}

#[cfg(test)]
mod tests {
    use super::{Markup, is_blank, sniff};

    fn utf16(text: &str) -> Vec<u8> {
        let marked = format!("\u{feff}{text}");
        marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn svg_is_found_behind_everything_that_a_reader_skips() {
        for before in [
            "",
            "  \n\t\u{c}",
            "\u{feff}",
            "\u{feff}\u{feff} ",
            "\u{a0}\u{200b}",
            "<?xml version='1.0'?>\n",
            "<?xml version='1.0'?><!-- a > b -->",
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>",
            "<!DOCTYPE x [<!ENTITY a 'b>'>]>",
        ] {
            let text = format!("{before}<svg onload='alert(1)'/>");
            assert_eq!(sniff(text.as_bytes()), Some(Markup::Svg), "{text}");
            assert_eq!(sniff(&utf16(&text)), Some(Markup::Svg), "UTF-16: {text}");
        }
        assert_eq!(sniff(b"<s:svg xmlns:s='x'/>"), Some(Markup::Svg));
        assert_eq!(sniff(b"<a:x xmlns:a='http://www.w3.org/2000/svg'/>"), Some(Markup::Svg));
    }

    #[test]
    fn html_is_found_behind_everything_that_a_reader_skips() {
        for text in [
            "<!DOCTYPE html>",
            "\n\n<SCRIPT>alert(1)</SCRIPT>",
            "<!-- -->hello",
            "<!--><img src=x onerror=alert(1)>",
            "<?x><script>alert(1)</script>",
            "</x><p>",
            "<x-a><script>alert(1)</script>",
            "<!doctype HTML SYSTEM 'about:legacy-compat'>",
            "<b>bold",
        ] {
            assert_eq!(sniff(text.as_bytes()), Some(Markup::Html), "{text}");
            assert_eq!(sniff(&utf16(text)), Some(Markup::Html), "UTF-16: {text}");
        }
        let xhtml = b"<?xml version='1.0'?><x><s:script xmlns:s='http://www.w3.org/1999/xhtml'/></x>";
        assert_eq!(sniff(xhtml), Some(Markup::Xhtml));
    }

    #[test]
    fn text_and_xml_are_no_pages() {
        assert_eq!(sniff(b"<?xml version='1.0'?><feed/>"), Some(Markup::Xml));
        assert_eq!(sniff(b"<note><to>you</to></note>"), Some(Markup::Xml));
        for text in [
            b"<3 you".as_slice(),
            b"hello <script>",
            b"",
            b"   ",
            b"a,b\n1,2\n",
            b"<?php echo 1;",
        ] {
            assert_eq!(sniff(text), None);
        }
    }

    #[test]
    fn blanks_are_blank_in_every_encoding() {
        for text in ["", " \t\n", "\u{feff} \u{200b}"] {
            assert!(is_blank(text.as_bytes()) && is_blank(&utf16(text)), "{text:?}");
        }
        assert!(is_blank(&[0; 100]));
        for text in ["a", "  <", "<!-- -->"] {
            assert!(!is_blank(text.as_bytes()) && !is_blank(&utf16(text)), "{text:?}");
        }
    }
}
