//! Tests with `kill -9` of the server: at every point of a confirm, at random, and during its probe of the store. Successful
//! responses remain true, a retry completes the rest, and no data is left behind.

mod audit;
mod clients;
mod points;
mod probe;
mod random;

use draftstore_testing::StoreEndpoint;
use tempfile::TempDir;
use tokio::task::block_in_place;

use crate::server::Server;

/// The bucket of [`draftstore_testing::TestBuckets`].
const MAIN: &str = "files";

/// Starts a server that calls a store through a proxy. Its URLs are for the store itself, so that the proxy has the server's own
/// calls only.
fn start_on(store: &StoreEndpoint, proxy: &StoreEndpoint, unused: &TempDir) -> Server {
    let settings = settings(store, proxy);
    block_in_place(|| Server::start_in(unused.path(), &settings))
}

fn settings<'a>(store: &'a StoreEndpoint, proxy: &'a StoreEndpoint) -> [(&'static str, &'a str); 7] {
    [
        ("STORAGE_TYPE", "s3"),
        ("S3_ENDPOINT", proxy.url.as_str()),
        ("S3_PUBLIC_ENDPOINT", store.url.as_str()),
        ("AWS_REGION", store.region.as_str()),
        ("AWS_ACCESS_KEY_ID", store.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", store.secret_access_key.as_str()),
        ("BUCKET_NAME", MAIN),
    ]
}

/// Sends SIGKILL, and waits for the process.
fn kill(server: Server) {
    block_in_place(|| drop(server));
}
