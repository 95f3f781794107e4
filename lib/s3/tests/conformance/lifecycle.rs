//! Removal by the store itself.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};
use draftstore_storage::{ErrorKind, Lifecycle, Transition};
use draftstore_testing::TestBuckets;

/// Rules of somebody else's are neither lost nor replaced, and those that were set are read again.
pub(crate) async fn transitions_are_kept_beside_rules_of_others(world: &TestBuckets) {
    let (storage, main) = (&world.storage, &world.main);
    let get = async || storage.transitions(main).await.expect("told");
    assert_eq!(get().await, []);
    let logs = LifecycleRule::builder()
        .id("logs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("logs/").build())
        .expiration(LifecycleExpiration::builder().days(1).build());
    let rules = BucketLifecycleConfiguration::builder().rules(logs.build().expect("a rule"));
    let put = world
        .sdk()
        .put_bucket_lifecycle_configuration()
        .bucket(main.name().as_str());
    let put = put.lifecycle_configuration(rules.build().expect("a configuration"));
    put.send().await.expect("put");
    let transition = |prefix: &str, days, class: &str| Transition {
        prefix: prefix.to_owned(),
        days,
        storage_class: class.to_owned(),
    };
    let both = [transition("", 30, "STANDARD_IA"), transition("", 365, "DEEP_ARCHIVE")];
    let more = [both[1].clone(), transition("logs/", 90, "GLACIER")];
    for wanted in [&both[..], &both, &more, &[]] {
        storage.put_transitions(main, wanted).await.expect("put");
        assert_eq!(get().await, wanted);
        let kept = world
            .sdk()
            .get_bucket_lifecycle_configuration()
            .bucket(main.name().as_str());
        let kept = kept.send().await.expect("told");
        assert_eq!(kept.rules().first().and_then(LifecycleRule::id), Some("logs"));
    }
    let kept = world.sdk().delete_bucket_lifecycle().bucket(main.name().as_str());
    kept.send().await.expect("deleted");
    storage.put_transitions(main, &both).await.expect("put");
    storage.put_transitions(main, &[]).await.expect("removed");
    assert_eq!(get().await, []);
}

fn archiving() -> [Transition; 1] {
    [Transition {
        prefix: String::new(),
        days: 30,
        storage_class: "STANDARD_IA".to_owned(),
    }]
}

/// SeaweedFS has no transitions, and says so.
pub(crate) async fn transitions_are_refused(world: &TestBuckets) {
    let put = world.storage.put_transitions(&world.main, &archiving()).await;
    assert_eq!(put.expect_err("refused").kind, ErrorKind::Unsupported);
    assert_eq!(world.storage.transitions(&world.main).await.expect("told"), []);
}

/// Garage keeps the rule, and drops what it is for.
pub(crate) async fn transitions_are_dropped(world: &TestBuckets) {
    let put = world.storage.put_transitions(&world.main, &archiving()).await;
    put.expect("answered as if it were set");
    assert_eq!(world.storage.transitions(&world.main).await.expect("told"), []);
}

const WEEK: Lifecycle = Lifecycle {
    expire_after_days: Some(7),
    abort_uploads_after_days: Some(3),
};

/// A rule of somebody else's that holds for a part of the bucket is neither lost nor taken for one of the whole.
pub(crate) async fn lifecycle_rules_are_kept_beside_those_of_others(world: &TestBuckets) {
    let get = async || world.storage.get_lifecycle(&world.draft).await.expect("told");
    assert_eq!(get().await, Lifecycle::default());
    let logs = LifecycleRule::builder()
        .id("logs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("logs/").build())
        .expiration(LifecycleExpiration::builder().days(1).build());
    let rules = BucketLifecycleConfiguration::builder().rules(logs.build().expect("a rule"));
    let (sdk, draft) = (world.sdk(), world.draft.name().as_str());
    sdk.put_bucket_lifecycle_configuration()
        .bucket(draft)
        .lifecycle_configuration(rules.build().expect("a configuration"))
        .send()
        .await
        .expect("put");
    assert_eq!(get().await, Lifecycle::default());

    for lifecycle in [
        WEEK,
        Lifecycle {
            expire_after_days: Some(9),
            ..WEEK
        },
    ] {
        world
            .storage
            .put_lifecycle(&world.draft, &lifecycle)
            .await
            .expect("put");
        assert_eq!(get().await, lifecycle);
    }
    let kept = sdk
        .get_bucket_lifecycle_configuration()
        .bucket(draft)
        .send()
        .await
        .expect("told");
    let ids: Vec<_> = kept.rules().iter().filter_map(LifecycleRule::id).collect();
    assert_eq!(ids, ["logs", "draftstore-drafts"]);
}
