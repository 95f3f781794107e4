//! Wrong credentials are told from a store that is not there.

use draftstore_s3::{Settings, StaticCredentials};
use draftstore_storage::{
    Administration as _, CopyToMain, CorsRule, DraftVersion, Error, ErrorKind, IfDestination, ListObjects, ListUploads,
    Objects as _,
};

use draftstore_testing::{TestBuckets, connect, etag, key, settings};

fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    result.map(drop).expect_err("refused").kind
}

/// Returns the result of every call to the store with these settings.
async fn kinds(world: &TestBuckets, settings: Settings) -> Vec<ErrorKind> {
    let storage = connect(settings).await;
    let (bucket, key) = (world.draft.name(), key("some object"));
    let etag = etag("00000000000000000000000000000000");
    let draft = DraftVersion {
        key: key.clone(),
        etag: etag.clone(),
    };
    let copy = CopyToMain {
        draft_bucket: &world.draft,
        draft_key: &key,
        draft_etag: &etag,
        main_bucket: &world.main,
        main_key: &key,
        if_destination: IfDestination::Absent,
        attributes: &draftstore_storage::Attributes::default(),
    };
    let rule = CorsRule {
        allowed_origins: vec!["*".to_owned()],
    };
    vec![
        kind(storage.create_bucket(bucket).await),
        kind(storage.put_cors(bucket, &rule).await),
        kind(storage.head(bucket, &key).await),
        kind(storage.list(bucket, &ListObjects::default()).await),
        kind(storage.copy_to_main(&copy).await),
        kind(storage.delete_draft(&world.draft, &draft).await),
        kind(storage.delete_drafts(&world.draft, std::slice::from_ref(&draft)).await),
        kind(storage.list_uploads(bucket, &ListUploads::default()).await),
        kind(
            storage
                .abort_upload(&world.draft, &key, &draftstore_storage::UploadId::new("0".repeat(32)))
                .await,
        ),
    ]
}

pub(crate) async fn wrong_credentials_are_refused(world: &TestBuckets) {
    let right = settings(&world.endpoint);
    let wrong_secret = StaticCredentials::new(&world.endpoint.access_key_id, "not the secret");
    let unknown = StaticCredentials::new("GKffffffffffffffffffffffff", &world.endpoint.secret_access_key);
    for wrong in [wrong_secret, unknown] {
        let told = kinds(
            world,
            Settings {
                credentials: Some(wrong),
                ..right.clone()
            },
        )
        .await;
        assert_eq!(told, [ErrorKind::CredentialsRefused; 9]);
    }
}
