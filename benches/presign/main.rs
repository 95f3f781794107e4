//! The cost of signing an upload URL: by the storage alone, by the whole service, and by other libraries.
//!
//! `cargo bench -p draftstore-benches --bench presign` takes seconds after the build. No request leaves the process.
//! The other libraries are built and run as a separate program (`peers`), so that nothing else depends on them.

mod floor;
mod ours;
mod peers;
mod sdk;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use anyhow::ensure;
use draftstore_benches::{BenchReport, Figures, Measure, drafts, run_by_cargo_bench, start_logging};
use draftstore_service::draft::IssueUpload;
use tokio::runtime::{Builder, Runtime};

use self::floor::MinimalSigner;
use self::ours::StorageSigner;
use self::peers::{PEERS, PeerProgram};

/// The number of rounds.
const ROUNDS: usize = 51;

/// The URLs per measurement, which take some milliseconds, so that few are disturbed by other load.
const CALLS: u32 = 4_000;

/// The URLs per measurement of the SDK, which costs fifty times as much.
const SDK_CALLS: u32 = 200;

/// The goal compared to the minimal cost. The goal compared to other libraries is to be faster.
const FLOOR_GOAL: f64 = 0.5;

/// The object key of all URLs.
const KEY: &str = "photos/2026/file.jpg";

fn main() -> anyhow::Result<()> {
    if !run_by_cargo_bench() {
        eprintln!("this benchmark runs for minutes: start it with `cargo bench`");
        return Ok(());
    }
    start_logging()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut report = BenchReport::new("presign")?;
    unconstrained(&runtime, &mut report)?;
    constrained(&runtime, &mut report)?;
    report.write()
}

/// Measures an upload URL without constraints, which all libraries can sign.
fn unconstrained(runtime: &Runtime, report: &mut BenchReport) -> anyhow::Result<()> {
    let (ours, drafts, sdk) =
        runtime.block_on(async { anyhow::Ok((StorageSigner::new().await?, drafts().await?, sdk::client())) })?;
    let (floor, peers, request) = (MinimalSigner::default(), PeerProgram::start()?, object_name_only());
    ensure_equal(runtime, &ours, &floor)?;
    let mut measures: Vec<Measure<'_>> = vec![
        (
            "floor",
            Box::new(|| seconds_each(CALLS, || Ok(floor.sign(KEY, SystemTime::now())))),
        ),
        (
            "storage",
            Box::new(|| seconds_each(CALLS, || runtime.block_on(ours.sign(SystemTime::now())))),
        ),
        (
            "service",
            Box::new(|| seconds_each(CALLS, || Ok(runtime.block_on(drafts.issue_upload(&request))?))),
        ),
        (
            "aws-sdk-s3",
            Box::new(|| seconds_each(SDK_CALLS, || runtime.block_on(sdk::sign(&sdk, &request)))),
        ),
    ];
    for peer in PEERS {
        let peers = &peers;
        measures.push((peer, Box::new(move || peers.seconds_each(peer))));
    }
    let figures = Figures::alternate(ROUNDS, true, measures)?;
    let faster = PEERS.into_iter().chain(["aws-sdk-s3"]).map(|peer| (peer, 1.0));
    let goals: Vec<_> = faster.chain([("floor", FLOOR_GOAL)]).collect();
    report.compare(
        "An upload URL, signed by the storage",
        &figures.without("service"),
        "storage",
        "s",
        &goals,
    );
    report.compare(
        "An upload URL, issued by the whole service",
        &figures.without("storage"),
        "service",
        "s",
        &goals,
    );
    Ok(())
}

/// Measures an upload URL with a size, type, checksum and metadata.
fn constrained(runtime: &Runtime, report: &mut BenchReport) -> anyhow::Result<()> {
    let (drafts, sdk) = runtime.block_on(async { anyhow::Ok((drafts().await?, sdk::client())) })?;
    let request = every_constraint();
    let measures: Vec<Measure<'_>> = vec![
        (
            "service",
            Box::new(|| seconds_each(CALLS, || Ok(runtime.block_on(drafts.issue_upload(&request))?))),
        ),
        (
            "aws-sdk-s3",
            Box::new(|| seconds_each(SDK_CALLS, || runtime.block_on(sdk::sign(&sdk, &request)))),
        ),
    ];
    let figures = Figures::alternate(ROUNDS, true, measures)?;
    report.compare(
        "An upload URL with every constraint",
        &figures,
        "service",
        "s",
        &[("aws-sdk-s3", 1.0)],
    );
    Ok(())
}

/// Checks that the minimal signer and the storage return the same URL.
fn ensure_equal(runtime: &Runtime, ours: &StorageSigner, floor: &MinimalSigner) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let signed = runtime.block_on(ours.sign(now))?;
    ensure!(
        floor.sign(KEY, now) == signed.url.expose(),
        "the minimal signer returned a different URL"
    );
    Ok(())
}

fn seconds_each<T>(calls: u32, mut call: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let started = Instant::now();
    for _ in 0..calls {
        std::hint::black_box(call()?);
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(calls))
}

fn object_name_only() -> IssueUpload {
    IssueUpload {
        object_name: KEY.to_owned(),
        ..IssueUpload::default()
    }
}

fn every_constraint() -> IssueUpload {
    let metadata = [
        ("author", "Ada L."),
        ("camera", "box"),
        ("title", "A view from a window"),
    ];
    IssueUpload {
        content_type: Some("image/jpeg".to_owned()),
        content_length: Some(1_048_576),
        checksum_sha256: Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".to_owned()),
        metadata: BTreeMap::from(metadata.map(|(name, value)| (name.to_owned(), value.to_owned()))),
        expires_in: Some(600),
        ..object_name_only()
    }
}
