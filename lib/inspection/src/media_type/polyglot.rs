//! Files that are two things at once: an image that is also a page, a script or an archive.

use super::markup::contains;
use super::{Ends, polyglot};
use crate::Findings;
use crate::zip::{self, Ending};

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
    let pdf = found == "application/pdf";
    if is_zip(found) {
        if ends.head.starts_with(zip::LOCAL_HEADER) && hides_pdf(&ends.head) {
            polyglot(
                findings,
                "HIDDEN_PDF",
                "The file is an archive, and a PDF file as well.",
            );
        }
        return;
    }
    let shown = ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|class| found.starts_with(class));
    if found == "image/svg+xml" || !(shown || pdf) {
        return;
    }
    // What is attached to a PDF file may be an archive. It counts from its own beginning.
    let archive = match &ends.zip {
        Ending::None => false,
        Ending::One(end) => !pdf || end.after == 0 || end.before == 0,
        Ending::Several => true,
    };
    if archive {
        polyglot(
            findings,
            "HIDDEN_ARCHIVE",
            "The file is a zip archive as well, such as a Java program.",
        );
    }
    let (head, tail): (&[u8], &[u8]) = if pdf {
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

/// Tells whether the first local header of an archive holds the beginning of a PDF file. Readers look for it in the first
/// 1024 bytes. An entry that is stored may be a PDF file.
fn hides_pdf(head: &[u8]) -> bool {
    let header = 30 + usize::from(zip::u16_at(head, 26)) + usize::from(zip::u16_at(head, 28));
    memchr::memmem::find(&head[..head.len().min(header)], b"%PDF-").is_some()
}

fn is_zip(found: &str) -> bool {
    let classes = [
        "application/vnd.openxmlformats-",
        "application/vnd.oasis.",
        "application/vnd.ms-",
        "application/vnd.sun.",
    ];
    found == "application/zip"
        || found == "application/java-archive"
        || found.ends_with("+zip")
        || classes.iter().any(|class| found.starts_with(class))
}
