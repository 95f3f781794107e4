//! Runs a number of equal calls, and nothing else. `instructions.py` runs this twice under callgrind, and computes the
//! difference.
//!
//! `presign` signs an upload URL with the storage. `request` handles a REST request for one in process, from the request
//! head to the response body.

#[path = "../presign/ours.rs"]
mod ours;

use std::time::SystemTime;

use anyhow::{bail, ensure};
use axum::Router;
use axum::body::Body;
use draftstore_auth::Authenticator;
use draftstore_benches::{drafts, start_logging};
use draftstore_controller::{Answers, Api, Gate, Readiness, webapi};
use draftstore_service::{AllowedOrigins, StoreProfile};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::runtime::Builder;

use self::ours::StorageSigner;

/// The object key of all URLs.
const KEY: &str = "photos/2026/file.jpg";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, calls] = arguments.as_slice() else {
        bail!("usage: instructions presign|request CALLS");
    };
    let calls: u32 = calls.parse()?;
    start_logging()?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        match what.as_str() {
            "presign" => presign(calls).await,
            "request" => request(calls).await,
            _ => bail!("unknown call {what}: use presign or request"),
        }
    })
}

/// Signs all URLs for the same second, so that the work done once per second is not counted.
async fn presign(calls: u32) -> anyhow::Result<()> {
    let (ours, now) = (StorageSigner::new().await?, SystemTime::now());
    for _ in 0..calls {
        std::hint::black_box(ours.sign(now).await?);
    }
    Ok(())
}

async fn request(calls: u32) -> anyhow::Result<()> {
    let gate = Gate::new(Authenticator::none());
    let api = Api::new(drafts().await?);
    let readiness = Readiness::new(StoreProfile::default());
    let answers = webapi::answers(api, &gate, &AllowedOrigins::default(), readiness, Router::new());
    for _ in 0..calls {
        answer(&answers).await?;
    }
    Ok(())
}

async fn answer(answers: &Answers) -> anyhow::Result<()> {
    let body = format!(r#"{{"object_name":"{KEY}"}}"#);
    let request = Request::post("/api/v1/upload-url")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))?;
    let answer = answers.to(request).await;
    ensure!(answer.status() == StatusCode::OK, "answered {}", answer.status());
    answer.into_body().collect().await?;
    Ok(())
}
