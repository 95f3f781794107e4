//! The capabilities that a probe finds. The other promises on Garage depend on them.

use draftstore_service::draft::ConfirmUpload;
use draftstore_service::{Replicas, weaknesses};
use draftstore_storage::{Condition, Support};
use futures::future::join_all;

use crate::ground::{Ground, SOURCES};
use crate::system::state;

promises! {
    probe_finds_conditions_on_copy_sources_only: garage;
    confirm_before_the_first_probe_succeeds: strong, garage, seaweedfs;
}

async fn probe_finds_conditions_on_copy_sources_only(ground: &Ground) {
    let found = ground.known();
    let proofs = [Condition::PartSourceKey, Condition::CopyMd5, Condition::ListParts];
    let expected = proofs
        .into_iter()
        .fold(SOURCES, |found, proof| found.with(proof, Support::Honoured));
    assert_eq!(found, expected);

    let with_one_server: Vec<_> = weaknesses(&found)
        .into_iter()
        .filter(|weakness| weakness.replicas == Replicas::Any)
        .map(|weakness| weakness.condition)
        .collect();
    let expected = [Condition::UploadOnce, Condition::Delete, Condition::DeleteMany];
    assert_eq!(with_one_server, expected);
}

/// Confirms probe an unknown store first. Without capabilities they would copy in parts, which Garage refuses for small
/// objects.
async fn confirm_before_the_first_probe_succeeds(ground: &Ground) {
    let system = ground.system().await;
    let drafts = system.unprobed();
    let names = ["a", "b", "c"];
    for name in names {
        system.world.draft(name, "bytes").await;
    }
    let confirm = |name: &str| ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    };
    let requests = names.map(confirm);
    for kept in join_all(requests.iter().map(|request| drafts.confirm(request))).await {
        assert!(!kept.expect("confirmed").replayed);
    }
    drafts.drain().await;
    for name in names {
        assert_eq!(system.state(name).await, state(None, Some("bytes")));
    }
}
