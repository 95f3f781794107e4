//! Tests with `kill -9` of the server: at every point of a confirm, at random, and during its probe of the store. Successful
//! responses remain true, a retry completes the rest, and no data is left behind.

mod audit;
mod changes;
mod clients;
mod points;
mod probe;
mod random;

use draftstore_testing::{StoreEndpoint, TestBuckets};
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::server::Server;

/// Starts a server that calls a store through a proxy. Its URLs are for the store itself, so that the proxy has the server's own
/// calls only.
fn start_on(world: &TestBuckets, proxy: &StoreEndpoint, unused: &TempDir) -> Server {
    let settings = settings(world, proxy);
    block_in_place(|| Server::start_in(unused.path(), &settings))
}

fn settings<'a>(world: &'a TestBuckets, proxy: &'a StoreEndpoint) -> [(&'static str, &'a str); 7] {
    let store = &world.endpoint;
    [
        ("STORAGE_TYPE", "s3"),
        ("S3_ENDPOINT", proxy.url.as_str()),
        ("S3_PUBLIC_ENDPOINT", store.url.as_str()),
        ("AWS_REGION", store.region.as_str()),
        ("AWS_ACCESS_KEY_ID", store.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", store.secret_access_key.as_str()),
        ("BUCKET_NAME", world.main.name().as_str()),
    ]
}

/// Sends SIGKILL, and waits for the process.
fn kill(server: Server) {
    block_in_place(|| drop(server));
}
