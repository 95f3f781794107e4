//! Tests that kill the server at random times while clients work.

use std::time::{Duration, Instant};

use draftstore_embedded::Credentials;
use draftstore_testing::proxy::FaultProxy;
use draftstore_testing::{StoreEndpoint, TestBuckets};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::block_in_place;

use super::audit::audit;
use super::clients::{Client, Ledger, Scene};
use super::{kill, start_on};
use crate::server::Server;

/// The number of kills, unless the variable `KILLS` sets another. Each server probes the store first.
const KILLS: usize = 60;
/// The number of kills of a server with the embedded store, which takes longer to start.
const KILLS_WITH_STORE: usize = 60;
/// The number of kills on SeaweedFS, where a server probes for seconds before it confirms.
const KILLS_ON_SEAWEEDFS: usize = 20;
const CLIENTS: usize = 6;

/// The maximum life of a server, long enough for several confirms.
pub(super) const MAX_LIFE: Duration = Duration::from_millis(200);

/// The maximum life of a server on SeaweedFS.
const MAX_LIFE_ON_SEAWEEDFS: Duration = Duration::from_secs(6);

/// The timeout of a client's request.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_lose_nothing_and_leave_nothing() {
    kill_at_random(&TestBuckets::embedded().await, kills_or(KILLS), MAX_LIFE).await;
}

/// Returns the number of kills that the variable `KILLS` sets.
pub(super) fn kills_or(default: usize) -> usize {
    std::env::var("KILLS").map_or(default, |kills| kills.parse().expect("KILLS is a number"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-server --test it -- --ignored seaweedfs"]
async fn random_kills_on_seaweedfs_lose_nothing_and_leave_nothing() {
    kill_at_random(
        &TestBuckets::seaweedfs().await,
        KILLS_ON_SEAWEEDFS,
        MAX_LIFE_ON_SEAWEEDFS,
    )
    .await;
}

async fn kill_at_random(world: &TestBuckets, kills: usize, max_life: Duration) {
    let proxy = FaultProxy::start(&world.endpoint);
    let unused = TempDir::new().expect("a temporary directory");
    world.begin_upload("left by a client").await;
    let start = || start_on(world, &proxy.endpoint(), &unused);
    let (ledger, _server) = work_and_kill(kills, max_life, start).await;
    audit(&world.endpoint, world.main.name().as_str(), &ledger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_kills_with_the_embedded_store_lose_nothing_and_leave_nothing() {
    let data_dir = TempDir::new().expect("a temporary directory");
    let settings = [("STORAGE_TYPE", "embedded")];
    let start = || block_in_place(|| Server::start_in(data_dir.path(), &settings));
    let (ledger, server) = work_and_kill(KILLS_WITH_STORE, MAX_LIFE, start).await;
    let credentials = Credentials::load(data_dir.path()).expect("readable").expect("kept");
    let store = StoreEndpoint {
        url: server.store.clone(),
        region: "us-east-1".to_owned(),
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
    };
    audit(&store, "main", &ledger).await;
}

/// Lets clients work while servers are started and killed. Returns their responses, and the last server.
async fn work_and_kill(kills: usize, max_life: Duration, start: impl Fn() -> Server) -> (Ledger, Server) {
    let begun = Instant::now();
    let (ledgers, server) = kill_under_load(kills, max_life, start, Client::run).await;
    let mut ledger = Ledger::default();
    for of_client in ledgers {
        ledger.add(of_client);
    }
    assert!(
        ledger.unanswered > 0 && ledger.races > 0 && ledger.repeats > 0,
        "{ledger:?}"
    );
    println!(
        "{kills} kills in {:.1} s: {} confirmed, {} of them in a race, {} confirms repeated, {} cut off by a kill",
        begun.elapsed().as_secs_f64(),
        ledger.kept.len(),
        ledger.races,
        ledger.repeats,
        ledger.unanswered
    );
    (ledger, server)
}

/// Runs clients while servers are started and killed. Returns their results, and the last server.
pub(super) async fn kill_under_load<R, F>(
    kills: usize,
    max_life: Duration,
    start: impl Fn() -> Server,
    run: impl Fn(Client) -> F,
) -> (Vec<R>, Server)
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let mut server = start();
    let (scene, of_clients) = watch::channel(Scene {
        http: server.http.clone(),
        server: 0,
        go_on: true,
    });
    let http = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        .build()
        .expect("a client");
    let clients = (0..CLIENTS).map(|name| run(Client::new(name, seed, of_clients.clone(), http.clone())));
    let clients = tokio::spawn(join_all(clients.map(tokio::spawn)));

    let mut killed = 0;
    while killed < kills {
        tokio::time::sleep(random.random_range(Duration::ZERO..max_life)).await;
        kill(server);
        killed += 1;
        server = start();
        scene.send_replace(Scene {
            http: server.http.clone(),
            server: killed,
            go_on: killed < kills,
        });
    }
    let results = clients.await.expect("no panic").into_iter();
    let results = results.map(|client| client.expect("a client was answered what it should not have been"));
    (results.collect(), server)
}
