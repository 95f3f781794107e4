//! What it costs to sign one upload URL: by the storage alone, through the whole service, and by others.
//!
//! `cargo bench -p draftstore-benches --bench presign`, seconds after the build. Nothing leaves the process.
//! The libraries beside ours are built and started as a program of their own (`peers`), so that nothing else needs them.

mod floor;
mod ours;
mod peers;
mod sdk;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use anyhow::ensure;
use draftstore_benches::{Figures, Measure, Report, asked_for, drafts, start_logging};
use draftstore_service::draft::IssueUpload;
use tokio::runtime::{Builder, Runtime};

use self::floor::Floor;
use self::ours::Ours;
use self::peers::{PEERS, Peers};

/// Rounds that make a median.
const ROUNDS: usize = 51;

/// URLs in one measurement: some milliseconds, so that few are torn by what else the machine does.
const CALLS: u32 = 4_000;

/// The same of what costs fifty times as much.
const SDK_CALLS: u32 = 200;

/// Ours may take twice the time of the least that signing could cost, and must be ahead of all others.
const FLOOR_GOAL: f64 = 0.5;

/// The object of all URLs.
const KEY: &str = "photos/2026/file.jpg";

fn main() -> anyhow::Result<()> {
    if !asked_for() {
        eprintln!("this measures for minutes: start it by `cargo bench`");
        return Ok(());
    }
    start_logging()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::new("presign")?;
    bare(&runtime, &mut report)?;
    constrained(&runtime, &mut report)?;
    report.write()
}

/// An upload of which nothing but the name is known: what all of them can sign.
fn bare(runtime: &Runtime, report: &mut Report) -> anyhow::Result<()> {
    let (ours, drafts, sdk) =
        runtime.block_on(async { anyhow::Ok((Ours::new().await?, drafts().await?, sdk::client())) })?;
    let (floor, peers, request) = (Floor::default(), Peers::start()?, object_name_only());
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
    let ahead = PEERS.into_iter().chain(["aws-sdk-s3"]).map(|peer| (peer, 1.0));
    let goals: Vec<_> = ahead.chain([("floor", FLOOR_GOAL)]).collect();
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

/// An upload with size, type, checksum and metadata.
fn constrained(runtime: &Runtime, report: &mut Report) -> anyhow::Result<()> {
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

/// What is measured as the least signs what the storage signs, byte for byte.
fn ensure_equal(runtime: &Runtime, ours: &Ours, floor: &Floor) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let signed = runtime.block_on(ours.sign(now))?;
    ensure!(
        floor.sign(KEY, now) == signed.url.expose(),
        "the floor signs another URL"
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
