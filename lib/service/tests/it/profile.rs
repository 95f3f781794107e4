//! What a probe finds: the other promises on Garage rest on it.

use draftstore_service::{Replicas, weaknesses};
use draftstore_storage::Condition;

use crate::ground::{Ground, SOURCES};

promises! {
    probe_finds_that_sources_alone_have_conditions: garage;
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
