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

/// Returns the rules of the image check that a file breaks, and the number of reads.
fn image_codes(bytes: Vec<u8>) -> (Vec<&'static str>, usize) {
    let settings = Settings {
        image: Some(ImageCheck::default()),
        ..Settings::default()
    };
    let mut file = File::new(bytes);
    let findings = run(&settings, Declared::default(), &mut file).expect("findings");
    let codes = codes(&findings).into_iter().map(|(_, code)| code).collect();
    (codes, file.reads.len())
}

/// A PNG with headers of these dimensions, whose checksums nobody reads.
fn png(headers: &[u32]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for side in headers {
        png.extend(b"\0\0\0\x0dIHDR");
        png.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
        png.extend(b"\x08\x02\0\0\0crc.");
    }
    png.extend(b"\0\0\0\x04IDATdatacrc.\0\0\0\0IENDcrc.");
    png
}

/// A BMP of an icon: a header, with twice the height, and a byte of a pixel.
fn bitmap(width: i32, height: i32) -> Vec<u8> {
    let mut bitmap = 40_u32.to_le_bytes().to_vec();
    bitmap.extend([width.to_le_bytes(), (height * 2).to_le_bytes()].concat());
    bitmap.resize(41, 0);
    bitmap
}

/// A BMP: the header of the file, and that of its bitmap.
fn bmp(bitmap: &[u8]) -> Vec<u8> {
    [&b"BM\0\0\0\0\0\0\0\0\x36\0\0\0"[..], bitmap].concat()
}

#[test]
fn a_bitmap_may_have_its_rows_from_the_top_and_an_old_header() {
    let sized = |width: i32, height: i32| {
        let mut bitmap = 40_u32.to_le_bytes().to_vec();
        bitmap.extend([width.to_le_bytes(), height.to_le_bytes(), [0; 4]].concat());
        bmp(&bitmap)
    };
    let old = |width: u16, height: u16| {
        let mut bitmap = 12_u32.to_le_bytes().to_vec();
        bitmap.extend([width.to_le_bytes(), height.to_le_bytes(), [1, 0], [24, 0]].concat());
        bmp(&[&bitmap[..], &[0; 4]].concat())
    };
    let large = vec!["DIMENSIONS_TOO_LARGE", "TOO_MANY_PIXELS"];
    for (file, expected) in [
        (sized(640, 480), vec![]),
        (sized(640, -480), vec![]),
        (old(640, 480), vec![]),
        (sized(60_000, 60_000), large.clone()),
        (sized(60_000, -60_000), large.clone()),
        (sized(-640, 480), vec!["DIMENSIONS_TOO_LARGE"]),
        (sized(640, i32::MIN), vec!["DIMENSIONS_TOO_LARGE"]),
        (old(60_000, 60_000), large),
        (sized(0, 480), vec!["IMAGE_DAMAGED"]),
        (bmp(&[3; 16]), vec!["IMAGE_DAMAGED"]),
        (sized(640, 480)[..29].to_vec(), vec!["IMAGE_DAMAGED"]),
    ] {
        let found = image_codes(file.clone()).0;
        assert!(
            found.starts_with(&expected) && found.is_empty() == expected.is_empty(),
            "{file:?}: {found:?}"
        );
    }
}

/// An icon of these images, whose directory says 256 by 256.
fn ico(images: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(images.len()).expect("few images");
    let mut ico = [&[0, 0, 1, 0], count.to_le_bytes().as_slice()].concat();
    let mut start = 6 + 16 * images.len();
    for image in images {
        ico.extend(b"\0\0\0\0\x01\0\x20\0");
        for number in [image.len(), start] {
            ico.extend(u32::try_from(number).expect("a small file").to_le_bytes());
        }
        start += image.len();
    }
    ico.extend(images.concat());
    ico
}

#[test]
fn an_icon_has_the_dimensions_of_the_images_in_it() {
    let large = vec!["DIMENSIONS_TOO_LARGE", "TOO_MANY_PIXELS"];
    for (images, expected) in [
        (vec![png(&[256])], vec![]),
        (vec![bitmap(16, 16), bitmap(32, -32), png(&[256])], vec![]),
        (vec![png(&[60_000])], large.clone()),
        (vec![bitmap(16, 16), png(&[60_000])], large.clone()),
        (vec![bitmap(60_000, 60_000)], large.clone()),
        (vec![bitmap(60_000, -60_000)], large.clone()),
        (vec![bitmap(0, 16)], vec!["IMAGE_DAMAGED"]),
        (vec![vec![b'x'; 100]], vec!["IMAGE_DAMAGED"]),
        (vec![png(&[16]), vec![]], vec!["IMAGE_DAMAGED"]),
        (vec![png(&[16])[..40].to_vec()], vec!["IMAGE_DAMAGED"]),
        (vec![bitmap(1, 1); 65], vec!["IMAGE_DAMAGED"]),
    ] {
        let count = images.len();
        assert_eq!(image_codes(ico(&images)).0, expected, "{count} images");
    }
    let mut beside_each_other = png(&[16]);
    beside_each_other.resize(256 * 1024, 0);
    let (found, reads) = image_codes(ico(&vec![beside_each_other; 64]));
    assert!(found.is_empty() && reads <= 2 * 64 + 2, "{found:?} by {reads} reads");
}

#[test]
fn an_icon_whose_directory_is_wrong_is_damaged() {
    let icon = ico(&[png(&[16])]);
    let with = |at: usize, bytes: &[u8]| {
        let mut icon = icon.clone();
        icon[at..at + bytes.len()].copy_from_slice(bytes);
        icon
    };
    let mut many = with(4, &[0xff, 0xff]);
    many.resize(2_000, 0);
    for (what, wrong) in [
        ("no image", icon[..22].to_vec()),
        ("no entry", with(4, &[0, 0])),
        ("more entries than bytes", many),
        ("an image behind the end", with(18, &[0xff; 4])),
        ("an image over the end", with(14, &[0xff; 4])),
        ("an image in the directory", with(18, &[0; 4])),
        ("an image cut at the end", icon[..icon.len() - 1].to_vec()),
    ] {
        assert_eq!(image_codes(wrong).0, ["IMAGE_DAMAGED"], "{what}");
    }
}

#[test]
fn an_image_with_two_headers_is_damaged() {
    assert_eq!(image_codes(png(&[16])).0, Vec::<&str>::new());
    let large = ["IMAGE_DAMAGED", "DIMENSIONS_TOO_LARGE", "TOO_MANY_PIXELS"];
    assert_eq!(image_codes(png(&[10, 60_000])).0, large);
    assert_eq!(image_codes(png(&[10, 10])).0, ["IMAGE_DAMAGED"]);

    let jpeg = |headers: &[u16], end: &[u8]| {
        let mut jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
        for side in headers {
            jpeg.extend(b"\xff\xff\xc0\0\x0b\x08");
            jpeg.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
            jpeg.extend(b"\x01\x01\x11\0\xff\xc4\0\x04xx");
        }
        [&jpeg, end].concat()
    };
    let pixels = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0pixels";
    let codes = |headers: &[u16], end: &[u8]| image_codes(jpeg(headers, end)).0;
    assert_eq!(codes(&[10], pixels), Vec::<&str>::new());
    assert_eq!(
        codes(&[10, 60_000], pixels),
        ["DIMENSIONS_TOO_LARGE", "TOO_MANY_PIXELS", "IMAGE_DAMAGED"]
    );
    assert_eq!(codes(&[10, 10], pixels), ["IMAGE_DAMAGED"]);
    assert_eq!(codes(&[10], b"\xff\xd9"), ["IMAGE_DAMAGED"]);
    assert_eq!(codes(&[10], b"x\xff\xda"), ["IMAGE_DAMAGED"]);
    let comments = b"\xff\xfe\0\x03x".repeat(1_024);
    assert_eq!(
        codes(&[10], &[&comments, pixels.as_slice()].concat()),
        ["IMAGE_DAMAGED"]
    );
}

#[test]
fn a_short_file_is_no_image_unless_it_begins_like_one() {
    for (bytes, expected) in [
        (b"<svg/>".as_slice(), "NOT_AN_IMAGE"),
        (b"x", "NOT_AN_IMAGE"),
        (b"hello world", "NOT_AN_IMAGE"),
        (b"GIF89a", "IMAGE_DAMAGED"),
        (b"\x89PNG\r\n\x1a\n", "IMAGE_DAMAGED"),
        (b"\0\0\x01\0\0\0", "IMAGE_DAMAGED"),
        (b"", "IMAGE_DAMAGED"),
    ] {
        assert_eq!(image_codes(bytes.to_vec()).0, [expected], "{}", bytes.escape_ascii());
    }
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
