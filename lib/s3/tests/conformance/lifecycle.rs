//! Removal by the store itself.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};
use draftstore_storage::Lifecycle;
use draftstore_testing::TestBuckets;

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
