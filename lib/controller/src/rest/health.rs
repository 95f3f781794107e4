//! The routes for health probes: liveness and readiness.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use draftstore_service::{Replicas, Weakness};
use serde::Serialize;

use super::message::Reply;
use crate::Readiness;

/// Reports that the process runs.
pub(super) async fn live() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#)
}

/// Reports the readiness without calling the store: 503 until the store has responded once, while it is unreachable, without
/// valid credentials, and during shutdown.
pub(super) async fn ready(State(readiness): State<Readiness>) -> impl IntoResponse {
    let (is_ready, store) = readiness.status();
    let (code, status) = if is_ready {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let weakened = readiness
        .profile()
        .weaknesses()
        .into_iter()
        .map(Weakened::from)
        .collect();
    let report = Report {
        status,
        store,
        weakened,
    };
    (code, Reply(report))
}

#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    store: &'static str,
    weakened: Vec<Weakened>,
}

/// The JSON form of a weakness of the store.
#[derive(Debug, Serialize)]
struct Weakened {
    condition: String,
    calls: &'static str,
    effect: &'static str,
    replicas: &'static str,
    remedy: &'static str,
}

impl From<Weakness> for Weakened {
    fn from(weakness: Weakness) -> Self {
        Self {
            condition: weakness.condition.to_string(),
            calls: weakness.calls,
            effect: weakness.effect,
            replicas: match weakness.replicas {
                Replicas::Any => "any",
                Replicas::Several => "several",
            },
            remedy: weakness.remedy,
        }
    }
}
