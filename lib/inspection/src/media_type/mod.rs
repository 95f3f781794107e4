//! The media type by the bytes: what it is, and which one may be declared for it.

mod agree;
mod markup;
mod office;
mod polyglot;
mod text;

use bytes::Bytes;
use file_format::FileFormat;

use self::markup::Markup;
use crate::archive::is_tar;
use crate::findings::quoted;
use crate::window::{Stop, Window};
use crate::zip::{self, Ending};
use crate::{Check, Findings, Source, TypeCheck};

/// The bytes at the beginning that are read. Together with those at the end they are 128 KiB.
const HEAD: u64 = 48 * 1024;

/// The bytes at the end that are read: more than the longest end of a zip archive.
const TAIL: u64 = 80 * 1024;

/// The reads beyond the beginning and the end that a format may need, such as the index of a video in its middle.
const MORE_READS: u32 = 2;

/// The media type of bytes without a known format.
const UNKNOWN: &str = "application/octet-stream";

/// The signature of Microsoft's compound files.
const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// The promises about a file, with which its bytes must agree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Declared<'a> {
    /// The media type that the uploader declared. `application/octet-stream` declares nothing, nor does
    /// `binary/octet-stream`, which S3 gives to an upload without a type.
    pub media_type: Option<&'a str>,
    /// The media types that may be uploaded, each one type or, as in `image/*`, a class. `None` allows all. A class does
    /// not contain the types that a browser runs, such as `image/svg+xml`: they must be listed.
    pub allowed: Option<&'a [String]>,
}

/// The bytes at both ends of a file. They overlap if the file is short.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) head: Bytes,
    pub(crate) tail: Bytes,
    /// `true` if the head is the whole file.
    pub(crate) whole: bool,
    /// The end of a zip archive.
    pub(crate) zip: Ending,
}

impl Ends {
    pub(crate) async fn read<S: Source>(window: &mut Window<'_, S>) -> Result<Self, Stop<S::Error>> {
        let size = window.size();
        let whole = size <= HEAD + TAIL;
        let head = window.get(0..if whole { size } else { HEAD }).await?;
        let (tail, start) = if whole {
            (head.clone(), 0)
        } else {
            (window.get(size - TAIL..size).await?, size - TAIL)
        };
        let zip = zip::find_end(&tail, start);
        Ok(Self { head, tail, whole, zip })
    }

    /// Tells whether the file ends with the end of a zip archive, so that readers of zip take it for one.
    pub(crate) fn ends_with_zip(&self) -> bool {
        match &self.zip {
            Ending::None => false,
            Ending::One(end) => end.after == 0,
            Ending::Several => true,
        }
    }

    /// Tells whether the file is a zip archive, and not only one that something else ends with.
    pub(crate) fn is_zip(&self) -> bool {
        let begins = self.head.starts_with(zip::LOCAL_HEADER) || self.head.starts_with(b"PK\x05\x06");
        begins && !matches!(self.zip, Ending::None)
    }
}

/// Finds the media type, and compares it with what is declared and what is allowed.
pub(crate) async fn check<S: Source>(
    check: &TypeCheck,
    declared: Declared<'_>,
    window: &mut Window<'_, S>,
    ends: &Ends,
    findings: &mut Findings,
) -> Result<(), Stop<S::Error>> {
    let found = find(window, ends).await?;
    polyglot::check(found.as_deref(), ends, findings);
    agree::check(check, declared, found, findings);
    Ok(())
}

/// Finds the media type. `None` if the bytes have no known format, or if they begin with so many blanks that the first
/// thing behind them was not read.
async fn find<S: Source>(window: &mut Window<'_, S>, ends: &Ends) -> Result<Option<String>, Stop<S::Error>> {
    if ends.head.is_empty() {
        return Ok(None);
    }
    match markup::sniff(&ends.head) {
        Some(Markup::Html) => return Ok(Some("text/html".to_owned())),
        Some(Markup::Svg) => return Ok(Some("image/svg+xml".to_owned())),
        Some(Markup::Xhtml) => return Ok(Some("application/xhtml+xml".to_owned())),
        Some(Markup::Xml) => {
            let format = by_signature(window).await?;
            let known = format.filter(|format| format.ends_with("+xml"));
            return Ok(Some(known.unwrap_or_else(|| "application/xml".to_owned())));
        }
        None => {}
    }
    if let (true, Ending::One(end)) = (ends.is_zip(), &ends.zip) {
        return office::zip_type(window, &ends.head, end).await.map(Some);
    }
    let signature = by_signature(window).await?;
    if ends.head.starts_with(COMPOUND_FILE)
        && let Some(found) = office::compound_type(window, &ends.head).await?
    {
        return Ok(Some(found));
    }
    if signature.is_none() && is_tar(&ends.head) {
        return Ok(Some("application/x-tar".to_owned()));
    }
    let hidden = !ends.whole && markup::is_blank(&ends.head);
    let text = !hidden && text::is_text(&ends.head, &ends.tail);
    Ok(match signature {
        Some(format) if !text || text::may_be_text(&format) => Some(format),
        _ if text => Some("text/plain".to_owned()),
        None if matches!(ends.zip, Ending::One(_)) => Some("application/zip".to_owned()),
        other => other,
    })
}

/// Finds the format by the signatures that `file-format` knows.
async fn by_signature<S: Source>(window: &mut Window<'_, S>) -> Result<Option<String>, Stop<S::Error>> {
    let format = window
        .parse(MORE_READS, |reader| FileFormat::from_reader(reader).unwrap_or_default())
        .await?
        .unwrap_or_default();
    let name = agree::canonical(format.media_type());
    Ok((name != UNKNOWN).then_some(name))
}

/// A sentence part that names a type.
fn named(media_type: &str) -> String {
    quoted(media_type)
}

/// Reports that the file is more than one thing.
fn polyglot(findings: &mut Findings, code: &'static str, detail: &str) {
    findings.reject(Check::Type, code, detail);
}
