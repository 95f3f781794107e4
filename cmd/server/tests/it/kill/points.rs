//! Tests that kill the server at each request of a confirm.

use std::time::Duration;

use draftstore_storage::{ListObjects, ListUploads, Operation};
use draftstore_testing::proxy::{FaultProxy, Moment, Pause, RequestFilter};
use draftstore_testing::{TestBuckets, key};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::probe::PROBES;
use super::{kill, start_on};
use crate::front::{Front, draft};
use crate::server::Server;

/// The requests of a confirm: whether it overwrites, the bucket, and the index among the requests with the same operation.
/// Objects this small are never copied in parts; `lib/service` tests faults of such copies.
const REQUESTS: [(&str, Existing, Operation, Bucket, usize); 7] = [
    (
        "HEAD of the draft",
        Existing::None,
        Operation::HeadObject,
        Bucket::Draft,
        1,
    ),
    (
        "HEAD of main",
        Existing::Replaced,
        Operation::HeadObject,
        Bucket::Main,
        1,
    ),
    ("copy", Existing::None, Operation::CopyObject, Bucket::Main, 1),
    (
        "copy over another",
        Existing::Replaced,
        Operation::CopyObject,
        Bucket::Main,
        1,
    ),
    (
        "HEAD of main after the copy",
        Existing::None,
        Operation::HeadObject,
        Bucket::Main,
        1,
    ),
    (
        "HEAD of main after the copy over another",
        Existing::Replaced,
        Operation::HeadObject,
        Bucket::Main,
        2,
    ),
    (
        "delete of the draft",
        Existing::None,
        Operation::DeleteObjects,
        Bucket::Draft,
        1,
    ),
];

/// The object in main before the confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existing {
    None,
    Replaced,
}

#[derive(Debug, Clone, Copy)]
enum Bucket {
    Draft,
    Main,
}

/// The time at which the pending request reaches the store.
#[derive(Debug, Clone, Copy)]
enum Reaches {
    /// Before the kill. The server never reads the response.
    Before,
    /// After the kill, before the next server starts.
    Between,
    /// After the confirm was repeated.
    After,
}

/// The timeout of the call at which a server is killed.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

const BYTES: &[u8] = b"the bytes of the draft";
const OLD: &[u8] = b"the bytes that were kept before";

#[tokio::test(flavor = "multi_thread")]
async fn retry_completes_a_confirm_killed_at_any_request() {
    kill_at_every_request(Site::start(TestBuckets::embedded().await, Operation::DeleteObjects)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-server --test it -- --ignored seaweedfs"]
async fn retry_completes_a_confirm_on_seaweedfs_killed_at_any_request() {
    // Its deletes of many keys check their conditions, and act later: drafts are deleted one by one.
    kill_at_every_request(Site::start(TestBuckets::seaweedfs().await, Operation::DeleteObject)).await;
}

async fn kill_at_every_request(site: Site) {
    let mut kills = 0;
    for (name, existing, operation, bucket, nth) in REQUESTS {
        for reaches in [Reaches::Before, Reaches::Between, Reaches::After] {
            let is_answered = operation == Operation::DeleteObjects;
            let operation = if is_answered { site.delete } else { operation };
            let bucket = match bucket {
                Bucket::Draft => site.world.draft.name(),
                Bucket::Main => site.world.main.name(),
            };
            let object_name = format!("{name}, {reaches:?}");
            let overwrite = existing == Existing::Replaced;
            let request = json!({ "object_name": object_name, "overwrite": overwrite });
            let server = site.start_server();
            if overwrite {
                draft(&server, &object_name, OLD).await;
                let kept = Front::Rest.call(&server, "confirm-upload", request.clone()).await;
                kept.expect("kept");
            }
            draft(&server, &object_name, BYTES).await;
            let moment = match reaches {
                Reaches::Before => Moment::After,
                Reaches::Between | Reaches::After => Moment::Before,
            };
            let pause = site
                .proxy
                .pause_at(RequestFilter::of(operation).on(bucket), nth, moment);
            site.kill_and_repeat(server, request, pause, reaches, is_answered).await;
            kills += 1;
            site.audit(&object_name, kills).await;
        }
    }
    assert_eq!(kills, 21);
    println!("{kills} kills at the requests of a confirm");
}

struct Site {
    world: TestBuckets,
    proxy: FaultProxy,
    unused: TempDir,
    /// The call by which confirmed drafts are deleted.
    delete: Operation,
}

impl Site {
    fn start(world: TestBuckets, delete: Operation) -> Self {
        Self {
            proxy: FaultProxy::start(&world.endpoint),
            world,
            unused: TempDir::new().expect("a temporary directory"),
            delete,
        }
    }

    fn start_server(&self) -> Server {
        start_on(&self.world, &self.proxy.endpoint(), &self.unused)
    }

    /// Kills the server when its request arrives, and repeats the confirm on another server, which then ends in order.
    async fn kill_and_repeat(
        &self,
        server: Server,
        request: Value,
        mut pause: Pause,
        reaches: Reaches,
        is_answered: bool,
    ) {
        let url = format!("http://{}/api/v1/confirm-upload", server.http);
        let confirm = self.world.http.post(url).json(&request).send();
        let arrived = async {
            let arrived = timeout(ARRIVAL_TIMEOUT, pause.arrived()).await;
            arrived.expect("the confirm makes the call");
        };
        let answer = if is_answered {
            // The call is held up, and the answer is not.
            let answer = confirm.await;
            arrived.await;
            kill(server);
            answer
        } else {
            let kill = async {
                arrived.await;
                kill(server);
            };
            tokio::join!(confirm, kill).0
        };
        let was_answered = answer.is_ok_and(|answer| answer.status().is_success());
        assert_eq!(
            was_answered, is_answered,
            "{request}: only the delete follows the answer"
        );

        let late = match reaches {
            Reaches::Before | Reaches::Between => {
                pause.let_go().await;
                None
            }
            Reaches::After => Some(pause),
        };
        let server = self.start_server();
        let repeated = Front::Rest.call(&server, "confirm-upload", request.clone()).await;
        if let Some(pause) = late {
            pause.let_go().await;
        }
        repeated.unwrap_or_else(|refused| panic!("{request}: {refused:?}"));
        let (status, log) = block_in_place(|| server.stop());
        assert!(status.success(), "{log}");
    }

    async fn audit(&self, object_name: &str, confirmed: usize) {
        let bytes = self.world.main_bytes(&key(object_name)).await;
        assert_eq!(bytes.as_deref(), Some(BYTES), "{object_name}");
        let mut objects = Vec::new();
        for bucket in [self.world.draft.name(), self.world.main.name()] {
            let page = self.world.storage.list(bucket, &ListObjects::default()).await;
            let listed = page.expect("listed").objects;
            // A server may be killed while it probes the store. The sweep removes what it leaves.
            let of_confirms = listed.iter().filter(|object| !object.key.as_str().starts_with(PROBES));
            objects.push(of_confirms.count());
            let uploads = self.world.storage.list_uploads(bucket, &ListUploads::default()).await;
            let mut uploads = uploads.expect("listed").uploads;
            // Of probes' races for one upload SeaweedFS lists the upload still. The sweep removes it.
            uploads
                .retain(|upload| self.delete == Operation::DeleteObjects || !upload.key.as_str().starts_with(PROBES));
            assert_eq!(uploads, [], "{object_name}");
        }
        assert_eq!(objects, [0, confirmed], "{object_name}: drafts, and objects in main");
    }
}
