//! Inspections through the public interface: what is read, what settings mean, and what a source may do.

use std::io;
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use draftstore_inspection::{
    ArchiveCheck, Check, Declared, Findings, ImageCheck, InspectError, Settings, Source, TypeCheck, inspect,
};

/// A file in memory that remembers its reads, and fails or cuts them if a test wants it.
#[derive(Default)]
struct File {
    bytes: Bytes,
    reads: Vec<Range<u64>>,
    fails: bool,
    cuts: bool,
}

impl File {
    fn new(bytes: impl Into<Bytes>) -> Self {
        Self {
            bytes: bytes.into(),
            ..Self::default()
        }
    }
}

impl Source for File {
    type Error = io::Error;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = io::Result<Bytes>> + Send {
        self.reads.push(range.clone());
        let place = |place: u64| usize::try_from(place).expect("a place in memory");
        let bytes = self
            .bytes
            .slice(place(range.start)..place(range.end) - usize::from(self.cuts));
        std::future::ready(if self.fails {
            Err(io::Error::other("away"))
        } else {
            Ok(bytes)
        })
    }
}

fn run(settings: &Settings, declared: Declared<'_>, file: &mut File) -> Result<Findings, InspectError<io::Error>> {
    let size = file.bytes.len() as u64;
    let inspection = pin!(inspect(settings, declared, size, file));
    match inspection.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a read of memory does not wait"),
    }
}

fn type_check() -> Settings {
    Settings {
        media_type: Some(TypeCheck::default()),
        ..Settings::default()
    }
}

fn codes(findings: &Findings) -> Vec<(Check, &'static str)> {
    let code = |reason: &draftstore_inspection::Reason| (reason.check, reason.code);
    findings.reasons.iter().map(code).collect()
}

/// A GIF of one pixel with as many frames, and as many bytes of a comment before them.
fn gif(frames: usize, comment: usize) -> Vec<u8> {
    let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    if comment > 0 {
        gif.extend(b"!\xfe");
        gif.extend([b"\x7f".as_slice(), &[b'x'; 127]].concat().repeat(comment / 128));
        gif.push(0);
    }
    gif.extend(b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0".repeat(frames));
    gif.push(b';');
    gif
}

#[test]
fn a_type_takes_two_reads_of_128_kib() {
    for comment in [0, 128 * 1024, 10 * 1024 * 1024] {
        let mut file = File::new(gif(1, comment));
        let findings = run(&type_check(), Declared::default(), &mut file).expect("findings");
        assert_eq!(findings.media_type.as_deref(), Some("image/gif"));
        assert_eq!(codes(&findings), []);
        let bytes: u64 = file.reads.iter().map(|range| range.end - range.start).sum();
        assert!(file.reads.len() <= 2 && bytes <= 128 * 1024, "{:?}", file.reads);
    }
}

#[test]
fn settings_without_a_check_read_nothing() {
    let mut file = File::new(gif(1, 0));
    let findings = run(&Settings::default(), Declared::default(), &mut file).expect("findings");
    assert_eq!(findings, Findings::default());
    assert_eq!(file.reads, []);
}

#[test]
fn an_empty_file_is_read_by_no_check() {
    let settings = Settings {
        image: Some(ImageCheck::default()),
        archive: Some(ArchiveCheck::default()),
        ..type_check()
    };
    let mut file = File::new(Vec::new());
    let findings = run(&settings, Declared::default(), &mut file).expect("findings");
    let expected = [(Check::Type, "TYPE_UNKNOWN"), (Check::Image, "IMAGE_DAMAGED")];
    assert_eq!(codes(&findings), expected);
    assert_eq!(file.reads, []);
}

#[test]
fn a_declared_type_must_be_true_and_allowed() {
    let check = |media_type, allowed: &str, bytes: &[u8]| {
        let allowed = [allowed.to_owned()];
        let declared = Declared {
            media_type: Some(media_type),
            allowed: Some(&allowed),
        };
        codes(&run(&type_check(), declared, &mut File::new(bytes.to_vec())).expect("findings"))
    };
    assert_eq!(check("IMAGE/GIF; a=b", "image/*", &gif(1, 0)), []);
    for undeclared in ["application/octet-stream", "binary/octet-stream"] {
        assert_eq!(check(undeclared, "image/*", &gif(1, 0)), [], "{undeclared}");
    }
    assert_eq!(
        check("image/png", "image/*", &gif(1, 0)),
        [(Check::Type, "TYPE_DIFFERS")]
    );
    let not_allowed = [(Check::Type, "TYPE_NOT_ALLOWED")];
    assert_eq!(check("text/plain", "image/*", b"text"), not_allowed);
    assert_eq!(check("image/svg+xml", "image/*", b"<svg/>"), not_allowed);
    assert_eq!(check("image/svg+xml", "image/svg+xml", b"<svg/>"), []);
}

/// Returns the type that is found, and the rules that are broken, of a file of a profile for pages.
fn page(allow_unknown: bool, declared: &str, bytes: Vec<u8>) -> (Option<String>, Vec<&'static str>) {
    let settings = Settings {
        media_type: Some(TypeCheck { allow_unknown }),
        ..Settings::default()
    };
    let allowed = ["text/*", "text/html", "application/*"].map(str::to_owned);
    let declared = Declared {
        media_type: Some(declared),
        allowed: Some(&allowed),
    };
    let findings = run(&settings, declared, &mut File::new(bytes)).expect("findings");
    let codes = codes(&findings).into_iter().map(|(_, code)| code).collect();
    (findings.media_type, codes)
}

#[test]
fn a_file_that_begins_with_more_blanks_than_are_read_is_of_no_known_type() {
    const PAGE: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
    for blank in [b" ".as_slice(), b"\0", b"\n\t", b"\xef\xbb\xbf"] {
        let before = |bytes: usize| [blank.repeat(bytes / blank.len()).as_slice(), PAGE].concat();
        let html = || Some("text/html".to_owned());
        assert_eq!(
            page(false, "text/html", before(100_000)),
            (html(), vec![]),
            "all of it is read"
        );
        for declared in ["text/html", "text/plain", "application/octet-stream"] {
            let found = page(false, declared, before(200_000));
            assert_eq!(found, (None, vec!["TYPE_UNKNOWN"]), "{declared} {blank:?}");
        }
        assert_eq!(page(true, "text/html", before(200_000)), (None, vec!["TYPE_UNKNOWN"]));
        let bytes = Some("application/octet-stream".to_owned());
        assert_eq!(page(true, "application/octet-stream", before(200_000)), (bytes, vec![]));
    }
    let comment = [b"<!-- ".as_slice(), &b" ".repeat(200_000)].concat();
    assert_eq!(
        page(false, "text/html", comment),
        (Some("text/html".to_owned()), vec![])
    );
}

#[test]
fn a_text_is_text_at_both_ends() {
    let text = |end: &[u8]| [b"text ".repeat(40_000).as_slice(), end].concat();
    let plain = Some("text/plain".to_owned());
    assert_eq!(page(false, "text/plain", text(b"end")), (plain.clone(), vec![]));
    assert_eq!(page(false, "text/plain", text(b"\0\x01")), (None, vec!["TYPE_UNKNOWN"]));
    let utf16 = |end: &str| {
        let text = format!("\u{feff}{}{end}", "text ".repeat(40_000));
        text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()
    };
    assert_eq!(page(false, "text/plain", utf16("end")), (plain, vec![]));
    assert_eq!(page(false, "text/plain", utf16("\0")), (None, vec!["TYPE_UNKNOWN"]));
}

#[test]
fn the_frames_of_a_large_animation_are_counted() {
    let check = |max_frames| {
        let settings = Settings {
            image: Some(ImageCheck {
                max_frames,
                ..ImageCheck::default()
            }),
            ..Settings::default()
        };
        let mut file = File::new(gif(40_000, 1024 * 1024));
        codes(&run(&settings, Declared::default(), &mut file).expect("findings"))
    };
    assert_eq!(check(40_000), []);
    assert_eq!(check(39_999), [(Check::Image, "TOO_MANY_FRAMES")]);
}

#[test]
fn a_failed_or_short_read_gives_no_findings() {
    let mut file = File::new(gif(1, 0));
    file.cuts = true;
    let short = run(&type_check(), Declared::default(), &mut file);
    assert!(matches!(short, Err(InspectError::WrongLength)), "{short:?}");
    file.fails = true;
    let failed = run(&type_check(), Declared::default(), &mut file);
    assert!(matches!(failed, Err(InspectError::Source(_))), "{failed:?}");
}

#[test]
fn equal_settings_serialize_equally_and_unknown_ones_are_refused() {
    let read = |text| serde_json::from_str::<Settings>(text);
    let text = |settings: &Settings| serde_json::to_string(settings).expect("JSON");
    let short = read(r#"{"image": {}, "type": {}}"#).expect("settings");
    let long = read(r#"{"type": {"allow_unknown": false}, "image": {"max_frames": 1000, "max_width": 20000}}"#);
    assert_eq!(text(&short), text(&long.expect("settings")));
    for unknown in [
        r#"{"types": {}}"#,
        r#"{"image": {"width": 1}}"#,
        r#"{"archive": {"max_ratio": -1}}"#,
    ] {
        assert!(read(unknown).is_err(), "{unknown}");
    }
}
