//! Scans by a real clamd, with a signature of its own. Run by `bash .ci/run clamd`.

use std::convert::Infallible;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use draftstore_inspection::Source;
use draftstore_scanners::{Address, Clamd, ScanError, Verdict};
use draftstore_testing::Clamd as Daemon;

const MIB: u64 = 1024 * 1024;
const MARKER: &[u8] = Daemon::MARKER;
const FOUND: &str = Daemon::FOUND;

/// Zeros with a marker at a place, and something to do when a place is read.
struct File<F> {
    marker: Option<u64>,
    on_read: F,
}

impl<F: FnMut(u64) + Send> Source for File<F> {
    type Error = Infallible;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Infallible>> + Send {
        assert!(range.end - range.start <= MIB / 2, "two ranges are in memory");
        (self.on_read)(range.start);
        let length = usize::try_from(range.end - range.start).expect("a length in memory");
        let mut bytes = BytesMut::zeroed(length);
        if let Some(start) = self.marker.and_then(|marker| marker.checked_sub(range.start)) {
            let start = usize::try_from(start).expect("a place");
            if let Some(place) = bytes.get_mut(start..start + MARKER.len()) {
                place.copy_from_slice(MARKER);
            }
        }
        std::future::ready(Ok(bytes.freeze()))
    }
}

fn address(daemon: &Daemon) -> Address {
    Address::Unix(daemon.socket())
}

fn clamd(addresses: Vec<Address>, max_size: u64) -> Clamd {
    Clamd {
        addresses,
        max_size,
        timeout: Duration::from_secs(20),
        scan_timeout: Duration::from_secs(120),
    }
}

async fn scan(clamd: &Clamd, size: u64, marker: Option<u64>) -> Verdict {
    let mut file = File {
        marker,
        on_read: |_| {},
    };
    clamd.scan(size, &mut file).await.expect("a verdict")
}

#[tokio::test]
#[ignore = "needs clamd"]
async fn clamd_finds_a_signature_wherever_it_is() {
    let daemon = Daemon::start();
    let clamd = clamd(vec![address(&daemon)], 100 * MIB);
    assert_eq!(scan(&clamd, 0, None).await, Verdict::Clean);
    assert_eq!(scan(&clamd, 10_000, None).await, Verdict::Clean);
    assert_eq!(scan(&clamd, 10_000, Some(100)).await, Verdict::Found(FOUND.to_owned()));
    assert_eq!(
        scan(&clamd, 95 * MIB, Some(90 * MIB)).await,
        Verdict::Found(FOUND.to_owned())
    );
}

#[tokio::test]
#[ignore = "needs clamd"]
async fn clamd_looks_into_archives() {
    let daemon = Daemon::start();
    let archive = zip(MARKER);
    assert!(
        memchr::memmem::find(&archive, MARKER).is_none(),
        "the marker is compressed"
    );
    let mut file = Memory(archive.into());
    let size = file.0.len() as u64;
    let verdict = clamd(vec![address(&daemon)], 100 * MIB).scan(size, &mut file).await;
    assert_eq!(verdict.expect("a verdict"), Verdict::Found(FOUND.to_owned()));
}

/// An archive of one entry, compressed.
fn zip(data: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(&[data, &[0; 1000]].concat(), 9);
    let number = |length: usize| u32::try_from(length).expect("a short file").to_le_bytes();
    let sizes = [number(packed.len()), number(data.len() + 1000)].concat();
    let common = [b"\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0".as_slice(), &sizes, b"\x01\0\0\0"].concat();
    let local = [b"PK\x03\x04".as_slice(), &common, b"a", &packed].concat();
    let directory = [b"PK\x01\x02\x14\0".as_slice(), &common, &[0; 14], b"a"].concat();
    let places = [number(directory.len()), number(local.len())].concat();
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &places, b"\0\0"].concat();
    [local, directory, end].concat()
}

/// A file in memory.
struct Memory(Bytes);

impl Source for Memory {
    type Error = Infallible;

    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Bytes, Infallible>> + Send {
        let place = |place: u64| usize::try_from(place).expect("a place in memory");
        std::future::ready(Ok(self.0.slice(place(range.start)..place(range.end))))
    }
}

#[tokio::test]
#[ignore = "needs clamd"]
async fn clamd_is_not_believed_beyond_its_limits() {
    let daemon = Daemon::start();
    let mine = clamd(vec![address(&daemon)], 100 * MIB);
    assert_eq!(scan(&mine, 101 * MIB, None).await, Verdict::TooLargeToScan);
    // The limit of the daemon, where ours is too large.
    let daemons = clamd(vec![address(&daemon)], u64::MAX);
    assert_eq!(scan(&daemons, 101 * MIB, None).await, Verdict::TooLargeToScan);
    assert_eq!(scan(&daemons, 1 << 31, None).await, Verdict::TooLargeToScan);
}

#[tokio::test]
#[ignore = "needs clamd"]
async fn clamd_that_is_killed_in_a_scan_is_replaced_by_the_next() {
    let mut killed = Daemon::start();
    let other = Daemon::start();
    let both = clamd(vec![address(&killed), address(&other)], 100 * MIB);
    let mut file = File {
        marker: Some(15 * MIB),
        on_read: |place| {
            if place > 10 * MIB {
                killed.kill();
            }
        },
    };
    let verdict = both.scan(20 * MIB, &mut file).await.expect("a verdict of the other");
    assert_eq!(verdict, Verdict::Found(FOUND.to_owned()));
}

#[tokio::test]
#[ignore = "needs clamd"]
async fn clamd_that_is_away_gives_no_verdict() {
    let mut daemon = Daemon::start();
    let alone = clamd(
        vec![address(&daemon), Address::Unix(Path::new("/nowhere").into())],
        100 * MIB,
    );
    let mut file = File {
        marker: None,
        on_read: |_| {
            daemon.kill();
        },
    };
    let error = alone.scan(20 * MIB, &mut file).await.expect_err("no verdict");
    let ScanError::Unavailable(unavailable) = error else {
        panic!("{error}");
    };
    assert_eq!(unavailable.0.len(), 2, "{unavailable}");
}
