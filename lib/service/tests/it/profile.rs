//! What a probe finds: the other promises on Garage rest on it.

use draftstore_service::draft::ConfirmUpload;
use draftstore_service::{Replicas, weaknesses};
use draftstore_storage::Condition;
use futures::future::join_all;

use crate::ground::{Ground, SOURCES};
use crate::system::state;

promises! {
    probe_finds_that_sources_alone_have_conditions: garage;
    confirms_before_the_first_probe_hold: strong, garage;
}

async fn probe_finds_that_sources_alone_have_conditions(ground: &Ground) {
    let found = ground.known();
    assert_eq!(found, SOURCES);

    let with_one_server: Vec<_> = weaknesses(&found)
        .into_iter()
        .filter(|weakness| weakness.replicas == Replicas::Any)
        .map(|weakness| weakness.condition)
        .collect();
    let expected = [Condition::UploadOnce, Condition::Delete, Condition::DeleteMany];
    assert_eq!(with_one_server, expected);
}

/// Garage copies no small object in parts, which is how it would have to be where nothing can be relied on.
async fn confirms_before_the_first_probe_hold(ground: &Ground) {
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
    for name in names {
        assert_eq!(system.state(name).await, state(None, Some("bytes")));
    }
}
