//! A test that kills the server during its probe of the store.

use draftstore_storage::{ListObjects, ListUploads, Operation};
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::{FaultProxy, Moment, RequestFilter};

use super::audit::audit;
use super::clients::Ledger;
use super::settings;
use crate::server::command;

/// The prefix of a probe's objects in the draft bucket.
pub(super) const PROBES: &str = ".drafts/probe/";

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_a_killed_probe_are_swept() {
    let world = TestBuckets::embedded().await;
    let proxy = FaultProxy::start(&world.endpoint);
    let begun = RequestFilter::of(Operation::CreateMultipartUpload).on(world.draft.name());
    let mut pause = proxy.pause_at(begun, 1, Moment::After);
    let ports = [("HTTP_PORT", "0"), ("GRPC_PORT", "0"), ("BIND_ADDRESS", "127.0.0.1")];
    let proxied = proxy.endpoint();
    let mut server = command()
        .envs(settings(&world, &proxied))
        .envs(ports)
        .spawn()
        .expect("the server starts");
    pause.arrived().await;
    server.kill().expect("it was running");
    server.wait().expect("it ends");
    pause.let_go().await;

    let drafts = world.draft.name();
    let objects = world.storage.list(drafts, &ListObjects::default()).await;
    let objects = objects.expect("listed").objects;
    let uploads = world.storage.list_uploads(drafts, &ListUploads::default()).await;
    let uploads = uploads.expect("listed").uploads;
    assert!(
        !objects.is_empty() && !uploads.is_empty(),
        "{objects:?} and {uploads:?}"
    );
    let keys = objects.iter().map(|object| &object.key);
    for key in keys.chain(uploads.iter().map(|upload| &upload.key)) {
        assert!(key.as_str().starts_with(PROBES), "{key}");
    }
    audit(&world.endpoint, world.main.name().as_str(), &Ledger::default()).await;
}
