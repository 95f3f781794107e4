use std::time::{Duration, Instant};

use serde_json::json;

use crate::front::{FRONTS, draft};
use crate::server::Server;

/// The lifetime is four seconds, enough for a confirm on a busy machine. The schedule is every second.
const TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn server_with_the_embedded_store_sweeps_and_does_not_affect_main() {
    let server = Server::start_with(&[
        ("OBJECT_LIFETIME", "4"),
        ("UPLOAD_TTL", "4"),
        ("SWEEP_GRACE", "0"),
        ("CLEANUP_SCHEDULE", "* * * * * *"),
    ]);
    draft(&server, "kept", b"x").await;
    FRONTS[0]
        .call(&server, "confirm-upload", json!({"object_name": "kept"}))
        .await
        .expect("confirmed");
    draft(&server, "left", b"x").await;
    let begun = Instant::now();
    while FRONTS[0]
        .call(&server, "download-url", json!({"object_name": "left"}))
        .await
        .is_ok()
    {
        assert!(begun.elapsed() < TIMEOUT, "the draft is still there");
    }
    FRONTS[0]
        .call(&server, "download-url", json!({"object_name": "kept"}))
        .await
        .expect("main keeps it");
}
