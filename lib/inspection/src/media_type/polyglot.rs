//! Files that are two things at once: an image that is also a page, a script or an archive.

use super::markup::contains;
use super::{Ends, polyglot};
use crate::Findings;

/// The bytes at each end of a PDF file in which a browser or a reader would look for something else. Its pages may be about
/// HTML.
const PDF_ENDS: usize = 2048;

/// Elements that an image, a sound, a video, a font or a document of pages has no reason to hold.
const ELEMENTS: [&[u8]; 10] = [
    b"<script",
    b"<html",
    b"<svg",
    b"<iframe",
    b"<body",
    b"<img",
    b"<object",
    b"<embed",
    b"<!doctype html",
    b"<meta",
];

/// Rejects files of a type that a browser shows, in which there is something that it would run.
pub(super) fn check(found: Option<&str>, ends: &Ends, findings: &mut Findings) {
    let Some(found) = found else {
        return;
    };
    let shown = ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|class| found.starts_with(class));
    if found == "image/svg+xml" || !(shown || found == "application/pdf") {
        return;
    }
    let (head, tail): (&[u8], &[u8]) = if found == "application/pdf" {
        let (head, tail) = (&ends.head, &ends.tail);
        (
            &head[..head.len().min(PDF_ENDS)],
            &tail[tail.len().saturating_sub(PDF_ENDS)..],
        )
    } else {
        (&ends.head, &ends.tail)
    };
    if [head, tail].into_iter().any(holds_markup) {
        polyglot(
            findings,
            "HIDDEN_MARKUP",
            "The file holds HTML or a script, which its type does not allow.",
        );
    }
    if begins_a_script(&ends.head) {
        polyglot(
            findings,
            "HIDDEN_SCRIPT",
            "The file begins so that a browser could run it as a script.",
        );
    }
}

fn holds_markup(text: &[u8]) -> bool {
    let element = |name: &[u8]| {
        memchr::memchr_iter(b'<', text).any(|at| {
            let tag = &text[at..];
            let named = tag
                .get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name));
            named
                && tag
                    .get(name.len())
                    .is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
        })
    };
    ELEMENTS.iter().any(|name| element(name))
        || [b"<?php".as_slice(), b"javascript:"]
            .iter()
            .any(|code| contains(text, code))
}

/// Tells whether the bytes after the letters of a signature begin a comment or an assignment, so that the letters are a
/// variable of a script.
fn begins_a_script(head: &[u8]) -> bool {
    let after = [
        b"GIF89a".as_slice(),
        b"GIF87a",
        b"BM",
        b"RIFF",
        b"OggS",
        b"FWS",
        b"ID3",
        b"\xff\xd8\xff\xe0",
    ]
    .iter()
    .find_map(|signature| head.strip_prefix(*signature));
    after.is_some_and(|after| after.starts_with(b"/*") || after.starts_with(b"=") || after.starts_with(b"//"))
}
