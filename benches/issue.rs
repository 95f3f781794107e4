//! What it costs to issue one upload URL through the service, beside the bare presigner of the SDK.
//!
//! `cargo bench -p draftstore-benches --bench issue`, about a minute. Nothing leaves the process. criterion tells the
//! time of each and how it changed since the last run; the ratios come from measurements of their own, in turn.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::{PresignedRequest as SdkRequest, PresigningConfig};
use criterion::Criterion;
use draftstore_benches::{
    ACCESS_KEY_ID, Comparison, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL, asked_for, drafts,
    start_logging,
};
use draftstore_service::Drafts;
use draftstore_service::draft::IssueUpload;
use tokio::runtime::{Builder, Runtime};

/// Pairs that make a ratio.
const ROUNDS: usize = 301;

/// URLs in one measurement of a pair: some ten milliseconds, so that few pairs are torn by what else the machine does.
const CALLS: u32 = 200;

fn main() -> anyhow::Result<()> {
    start_logging()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (drafts, presigner) = (runtime.block_on(drafts())?, presigner());
    let cases = [
        ("object_name only", object_name_only()),
        ("every constraint", every_constraint()),
    ];

    let mut criterion = Criterion::default().configure_from_args();
    for (name, request) in &cases {
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("presigner", |bencher| {
            bencher.to_async(&runtime).iter(|| presign(&presigner, request));
        });
        group.bench_function("service", |bencher| {
            bencher.to_async(&runtime).iter(|| issue(&drafts, request));
        });
        group.finish();
    }
    criterion.final_summary();

    if asked_for() {
        println!("One upload URL, median of {ROUNDS} rounds in turn, {CALLS} URLs each, on one thread:");
        for (name, request) in &cases {
            let comparison = compare(&runtime, &presigner, &drafts, request)?;
            let (lowest, highest) = comparison.ratio_range();
            println!(
                "{name}: presigner {:.1} µs, service {:.1} µs, service/presigner {:.3} ({lowest:.3} to {highest:.3})",
                comparison.reference() * 1e6,
                comparison.subject() * 1e6,
                comparison.ratio(),
            );
        }
    }
    Ok(())
}

fn compare(
    runtime: &Runtime,
    presigner: &Client,
    drafts: &Drafts,
    request: &IssueUpload,
) -> anyhow::Result<Comparison> {
    Comparison::alternate(
        ROUNDS,
        || runtime.block_on(seconds_each(async || presign(presigner, request).await.map(drop))),
        || runtime.block_on(seconds_each(async || issue(drafts, request).await.map(drop))),
    )
}

async fn seconds_each(call: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let started = Instant::now();
    for _ in 0..CALLS {
        call().await?;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(CALLS))
}

async fn issue(drafts: &Drafts, request: &IssueUpload) -> anyhow::Result<impl Sized> {
    Ok(drafts.issue_upload(request).await?)
}

/// The same request by the SDK alone, which believes everything.
async fn presign(presigner: &Client, request: &IssueUpload) -> anyhow::Result<SdkRequest> {
    let metadata = (!request.metadata.is_empty()).then(|| request.metadata.clone().into_iter().collect());
    let seconds = request.expires_in.map(u64::try_from).transpose()?;
    let validity = seconds.map_or(UPLOAD_TTL, Duration::from_secs);
    let put = presigner
        .put_object()
        .bucket(DRAFT_BUCKET)
        .key(&request.object_name)
        .set_content_length(request.content_length)
        .set_content_type(request.content_type.clone())
        .set_checksum_sha256(request.checksum_sha256.clone())
        .set_metadata(metadata);
    Ok(put.presigned(PresigningConfig::expires_in(validity)?).await?)
}

/// Signs for the same endpoint, as the same caller, as the service's own storage does.
fn presigner() -> Client {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "benchmark");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(ENDPOINT)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .credentials_provider(credentials);
    Client::from_conf(config.build())
}

fn object_name_only() -> IssueUpload {
    IssueUpload {
        object_name: "photos/2026/file.jpg".to_owned(),
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
