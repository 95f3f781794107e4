//! The inspection of a file: whatever its bytes are, it ends, with bounded reads and reasons that a page may show.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use draftstore_inspection::{Declared, Findings, Settings, Source, inspect};

/// The most bytes that the reads of a file may have for each of its own, and for each read.
const MAX_TIMES: u64 = 64;

/// A file in memory that counts what is read.
struct Counted {
    bytes: Bytes,
    read: u64,
}

impl Source for Counted {
    type Error = Infallible;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Infallible>> + Send {
        assert!(range.start < range.end, "a range is not empty");
        assert!(range.end <= self.bytes.len() as u64, "a range lies within the file");
        self.read += range.end - range.start;
        let place = |place: u64| usize::try_from(place).expect("a place in memory");
        std::future::ready(Ok(self.bytes.slice(place(range.start)..place(range.end))))
    }
}

/// Takes the bytes of the file.
pub fn run(data: &[u8]) {
    let settings = Settings {
        media_type: Some(draftstore_inspection::TypeCheck::default()),
        image: Some(draftstore_inspection::ImageCheck::default()),
        archive: Some(draftstore_inspection::ArchiveCheck::default()),
    };
    let findings = findings(&settings, data);
    assert_eq!(
        findings,
        self::findings(&settings, data),
        "equal bytes have equal findings"
    );
    for reason in &findings.reasons {
        let shown = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'>' | b'&');
        assert!(reason.detail.bytes().all(shown), "{:?}", reason.detail);
        assert!(reason.detail.len() < 1000, "{:?}", reason.detail);
    }
    if let Some(media_type) = &findings.media_type {
        assert!(media_type.bytes().all(|byte| byte.is_ascii_graphic()), "{media_type:?}");
    }
}

fn findings(settings: &Settings, data: &[u8]) -> Findings {
    let size = data.len() as u64;
    let mut source = Counted {
        bytes: Bytes::copy_from_slice(data),
        read: 0,
    };
    let polled = {
        let inspection = pin!(inspect(settings, Declared::default(), size, &mut source));
        inspection.poll(&mut Context::from_waker(Waker::noop()))
    };
    assert!(source.read <= MAX_TIMES * size, "{} bytes of {size}", source.read);
    match polled {
        Poll::Ready(Ok(findings)) => findings,
        Poll::Ready(Err(error)) => panic!("a read of memory does not fail: {error}"),
        Poll::Pending => panic!("a read of memory does not wait"),
    }
}
