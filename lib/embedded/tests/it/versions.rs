//! Versions: what an overwrite or a delete replaces stays readable, and comes back.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, Delete, MetadataDirective, ObjectIdentifier, VersioningConfiguration};

use crate::harness::{BUCKET, TestStore, blob_files, for_an_hour, noise, rejection};

const NULL: &str = "null";

impl TestStore {
    pub(crate) async fn set_versioning(&self, status: BucketVersioningStatus) {
        let configuration = VersioningConfiguration::builder().status(status).build();
        let put = self.s3.put_bucket_versioning().bucket(BUCKET);
        put.versioning_configuration(configuration).send().await.unwrap();
    }

    pub(crate) async fn start_versioned() -> Self {
        let store = Self::start().await;
        store.set_versioning(BucketVersioningStatus::Enabled).await;
        store
    }

    pub(crate) async fn put_version(&self, key: &str, body: &str) -> String {
        let put = self.s3.put_object().bucket(BUCKET).key(key);
        let put = put
            .body(ByteStream::from(body.as_bytes().to_vec()))
            .send()
            .await
            .unwrap();
        put.version_id.expect("a version ID")
    }

    async fn get_version(&self, key: &str, id: &str) -> Option<String> {
        let got = self.s3.get_object().bucket(BUCKET).key(key).version_id(id).send().await;
        match got {
            Ok(got) => {
                assert!(got.version_id().is_none_or(|found| found == id));
                let body = got.body.collect().await.unwrap().into_bytes();
                Some(String::from_utf8(body.to_vec()).unwrap())
            }
            Err(error) => {
                assert!([404, 405].contains(&error.raw_response().unwrap().status().as_u16()));
                None
            }
        }
    }

    /// Deletes the current object and returns the ID of the delete marker.
    pub(crate) async fn delete(&self, key: &str) -> Option<String> {
        let deleted = self.s3.delete_object().bucket(BUCKET).key(key).send().await.unwrap();
        assert_eq!(deleted.delete_marker(), deleted.version_id().map(|_| true));
        deleted.version_id
    }

    pub(crate) async fn delete_version(&self, key: &str, id: &str) {
        let delete = self.s3.delete_object().bucket(BUCKET).key(key).version_id(id);
        delete.send().await.unwrap();
    }

    /// Lists all versions in pages: key, ID, latest or not, object or delete marker.
    async fn versions(&self, prefix: &str, max_keys: i32) -> Vec<(String, String, bool, bool)> {
        let mut versions = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let list = self.s3.list_object_versions().bucket(BUCKET).prefix(prefix);
            let list = list.set_key_marker(key_marker).set_version_id_marker(id_marker);
            let page = list.max_keys(max_keys).send().await.unwrap();
            let text = |text: Option<&str>| text.unwrap().to_owned();
            let mut entries: Vec<_> = page
                .versions()
                .iter()
                .map(|v| (text(v.key()), text(v.version_id()), v.is_latest() == Some(true), true))
                .collect();
            let markers = page.delete_markers().iter();
            entries.extend(markers.map(|m| (text(m.key()), text(m.version_id()), m.is_latest() == Some(true), false)));
            // The two lists of a page are separate: only one entry a page keeps their order.
            assert!(entries.len() <= usize::try_from(max_keys).unwrap());
            versions.append(&mut entries);
            if page.is_truncated() != Some(true) {
                return versions;
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_version_id_marker);
        }
    }
}

#[tokio::test]
async fn replaced_and_deleted_versions_stay_readable() {
    let store = TestStore::start_versioned().await;
    let first = store.put_version("k", "first").await;
    let second = store.put_version("k", "second").await;
    assert_ne!(first, second);
    let marker = store.delete("k").await.unwrap();
    assert_eq!(store.get("k").await, None);
    assert_eq!(store.get_version("k", &first).await.as_deref(), Some("first"));
    assert_eq!(store.get_version("k", &second).await.as_deref(), Some("second"));

    let gone = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap_err();
    let response = gone.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 404);
    assert_eq!(response.headers().get("x-amz-delete-marker"), Some("true"));
    assert_eq!(response.headers().get("x-amz-version-id"), Some(marker.as_str()));
    let named = store.s3.head_object().bucket(BUCKET).key("k").version_id(&marker);
    let named = named.send().await.unwrap_err();
    let response = named.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 405);
    assert!(response.headers().get("last-modified").is_some());

    // Without its delete marker, the object is back.
    store.delete_version("k", &marker).await;
    let current = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(current.version_id(), Some(second.as_str()));
    store.delete_version("k", &second).await;
    assert_eq!(store.get("k").await.unwrap(), "first");
    store.delete_version("k", &first).await;
    assert_eq!(store.get("k").await, None);
    assert!(store.versions("", 1000).await.is_empty());
}

#[tokio::test]
async fn unknown_versions_are_refused() {
    let store = TestStore::start_versioned().await;
    let id = store.put_version("k", "x").await;
    let other = store.put_version("other", "x").await;
    let get = |id: &str| store.s3.get_object().bucket(BUCKET).key("k").version_id(id).send();
    assert_eq!(rejection(get(&other).await), (404, "NoSuchVersion".into()));
    assert_eq!(rejection(get(NULL).await), (404, "NoSuchVersion".into()));
    assert_eq!(rejection(get("nonsense").await), (400, "InvalidArgument".into()));
    store.delete_version("k", &other).await;
    assert_eq!(store.get_version("k", &id).await.as_deref(), Some("x"));
    assert_eq!(store.get("other").await.unwrap(), "x");
}

#[tokio::test]
async fn versioning_is_reported_and_validated() {
    let store = TestStore::start().await;
    let status = async || {
        store
            .s3
            .get_bucket_versioning()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .status
    };
    assert_eq!(status().await, None);
    for wanted in [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended] {
        store.set_versioning(wanted.clone()).await;
        assert_eq!(status().await, Some(wanted));
    }
    let put = |configuration| {
        let put = store.s3.put_bucket_versioning().bucket(BUCKET);
        put.versioning_configuration(configuration).send()
    };
    let empty = VersioningConfiguration::builder().build();
    assert_eq!(rejection(put(empty).await), (400, "MalformedXML".into()));
    let missing = store.s3.get_bucket_versioning().bucket("missing").send().await;
    assert_eq!(rejection(missing), (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn suspended_bucket_replaces_only_the_null_version() {
    let store = TestStore::start().await;
    store.put("k", "before versions").await;
    store.set_versioning(BucketVersioningStatus::Enabled).await;
    assert_eq!(store.get_version("k", NULL).await.as_deref(), Some("before versions"));
    let kept = store.put_version("k", "kept").await;
    assert_eq!(store.get_version("k", NULL).await.as_deref(), Some("before versions"));

    store.set_versioning(BucketVersioningStatus::Suspended).await;
    store.put("k", "suspended").await;
    assert_eq!(store.get_version("k", NULL).await.as_deref(), Some("suspended"));
    store.put("k", "again").await;
    assert_eq!(store.get_version("k", &kept).await.as_deref(), Some("kept"));
    let ids: Vec<_> = store.versions("", 1).await.into_iter().map(|(_, id, ..)| id).collect();
    assert_eq!(ids, [NULL.to_owned(), kept.clone()]);

    assert_eq!(store.delete("k").await.as_deref(), Some(NULL));
    assert_eq!(
        store.versions("", 1).await,
        [
            ("k".into(), NULL.into(), true, false),
            ("k".into(), kept.clone(), false, true)
        ]
    );
    store.delete_version("k", NULL).await;
    assert_eq!(store.get("k").await.unwrap(), "kept");
}

#[tokio::test]
async fn copy_takes_the_named_version_and_restores_it() {
    let store = TestStore::start_versioned().await;
    let first = store.put_version("k", "first").await;
    store.put_version("k", "second").await;
    let copy = |key: &str, source: String| store.s3.copy_object().bucket(BUCKET).key(key).copy_source(source);
    let copied = copy("other", format!("{BUCKET}/k?versionId={first}"))
        .send()
        .await
        .unwrap();
    assert_eq!(copied.copy_source_version_id(), Some(first.as_str()));
    assert_eq!(
        store
            .get_version("other", copied.version_id().unwrap())
            .await
            .as_deref(),
        Some("first")
    );
    // An older version can be copied over the current one without a change of metadata.
    copy("k", format!("{BUCKET}/k?versionId={first}")).send().await.unwrap();
    assert_eq!(store.get("k").await.unwrap(), "first");
    assert_eq!(store.versions("k", 1).await.len(), 3);

    let marker = store.delete("k").await.unwrap();
    let named = copy("other", format!("{BUCKET}/k?versionId={marker}")).send().await;
    assert_eq!(rejection(named), (400, "InvalidRequest".into()));
    assert_eq!(
        rejection(copy("other", format!("{BUCKET}/k")).send().await),
        (404, "NoSuchKey".into())
    );

    let upload = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("parts")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id.unwrap();
    let part = store
        .s3
        .upload_part_copy()
        .bucket(BUCKET)
        .key("parts")
        .upload_id(&id)
        .part_number(1);
    let part = part
        .copy_source(format!("{BUCKET}/k?versionId={first}"))
        .send()
        .await
        .unwrap();
    assert_eq!(part.copy_source_version_id(), Some(first.as_str()));
    let part = aws_sdk_s3::types::CompletedPart::builder()
        .part_number(1)
        .e_tag(part.copy_part_result().unwrap().e_tag().unwrap())
        .build();
    let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
        .parts(part)
        .build();
    let complete = store
        .s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("parts")
        .upload_id(&id);
    let completed = complete.multipart_upload(parts).send().await.unwrap();
    assert_eq!(
        store
            .get_version("parts", completed.version_id().unwrap())
            .await
            .as_deref(),
        Some("first")
    );
}

#[tokio::test]
async fn conditions_hold_for_the_current_object() {
    let store = TestStore::start_versioned().await;
    store.put_version("k", "first").await;
    let create = || store.s3.put_object().bucket(BUCKET).key("k").if_none_match("*").send();
    assert_eq!(rejection(create().await), (412, "PreconditionFailed".into()));
    store.delete("k").await;
    // A delete marker is not an object.
    let created = create().await.unwrap();
    let delete = || store.s3.delete_object().bucket(BUCKET).key("k");
    assert_eq!(rejection(delete().if_match("\"other\"").send().await).0, 412);
    delete().if_match(created.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(store.get("k").await, None);
}

#[tokio::test]
async fn presigned_download_names_a_version() {
    let store = TestStore::start_versioned().await;
    let first = store.put_version("k", "first").await;
    store.put_version("k", "second").await;
    let get = store.s3.get_object().bucket(BUCKET).key("k").version_id(&first);
    let get = get.presigned(for_an_hour()).await.unwrap();
    let response = store.send(&get, &[], "").await;
    assert_eq!(response.headers()["x-amz-version-id"], first.as_str());
    assert_eq!(response.text().await.unwrap(), "first");
}

#[tokio::test]
async fn many_versions_are_deleted_at_once_with_an_outcome_each() {
    let store = TestStore::start_versioned().await;
    let first = store.put_version("a", "1").await;
    store.put_version("a", "2").await;
    store.put_version("b", "1").await;
    let object = |key: &str, id: Option<&str>| {
        let object = ObjectIdentifier::builder()
            .key(key)
            .set_version_id(id.map(str::to_owned));
        object.build().unwrap()
    };
    let objects = [
        object("a", Some(&first)),
        object("b", None),
        object("b", Some("nonsense")),
    ];
    let delete = Delete::builder().set_objects(Some(objects.into())).build().unwrap();
    let deleted = store
        .s3
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    let [of_version, marker] = deleted.deleted() else {
        panic!("{deleted:?}")
    };
    assert_eq!(
        (of_version.version_id(), of_version.delete_marker()),
        (Some(first.as_str()), None)
    );
    assert_eq!(marker.delete_marker(), Some(true));
    let marker = marker.delete_marker_version_id().unwrap();
    assert_eq!(deleted.errors()[0].code(), Some("InvalidArgument"));
    assert_eq!(store.get("a").await.unwrap(), "2");
    assert_eq!(store.get("b").await, None);
    store.delete_version("b", marker).await;
    assert_eq!(store.get("b").await.unwrap(), "1");
}

#[tokio::test]
async fn bucket_with_versions_alone_is_not_empty() {
    let store = TestStore::start_versioned().await;
    let id = store.put_version("k", "x").await;
    let marker = store.delete("k").await.unwrap();
    let delete = || store.s3.delete_bucket().bucket(BUCKET).send();
    assert_eq!(rejection(delete().await), (409, "BucketNotEmpty".into()));
    store.delete_version("k", &id).await;
    assert_eq!(rejection(delete().await), (409, "BucketNotEmpty".into()));
    store.delete_version("k", &marker).await;
    delete().await.unwrap();
}

#[tokio::test]
async fn attributes_metadata_and_copies_are_those_of_the_version() {
    let store = TestStore::start_versioned().await;
    let first = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .metadata("a", "1")
        .body(b"one".to_vec().into());
    let first = first.send().await.unwrap().version_id.unwrap();
    let replaced = store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("k")
        .copy_source(format!("{BUCKET}/k"));
    let replaced = replaced
        .metadata_directive(MetadataDirective::Replace)
        .metadata("a", "2");
    let second = replaced.send().await.unwrap().version_id.unwrap();
    for (id, value) in [(&first, "1"), (&second, "2")] {
        let head = store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key("k")
            .version_id(id)
            .send()
            .await
            .unwrap();
        assert_eq!(head.metadata().unwrap()["a"], value);
        let attributes = store.s3.get_object_attributes().bucket(BUCKET).key("k").version_id(id);
        let attributes = attributes.object_attributes(aws_sdk_s3::types::ObjectAttributes::ObjectSize);
        let attributes = attributes.send().await.unwrap();
        assert_eq!(
            (attributes.version_id(), attributes.object_size()),
            (Some(id.as_str()), Some(3))
        );
    }
}

#[tokio::test]
async fn listing_of_versions_rolls_up_prefixes() {
    let store = TestStore::start_versioned().await;
    for key in ["a", "b/1", "b/2", "c"] {
        store.put_version(key, "1").await;
        store.put_version(key, "2").await;
    }
    let list = || {
        store
            .s3
            .list_object_versions()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(3)
    };
    let first = list().send().await.unwrap();
    assert_eq!(first.versions().len(), 2);
    assert_eq!(first.common_prefixes()[0].prefix(), Some("b/"));
    assert_eq!(first.is_truncated(), Some(true));
    let rest = list()
        .set_key_marker(first.next_key_marker)
        .set_version_id_marker(first.next_version_id_marker);
    let rest = rest.send().await.unwrap();
    let keys: Vec<_> = rest.versions().iter().map(|version| version.key().unwrap()).collect();
    assert_eq!((keys, rest.is_truncated()), (vec!["c", "c"], Some(false)));
    let alone = store
        .s3
        .list_object_versions()
        .bucket(BUCKET)
        .version_id_marker("null")
        .send()
        .await;
    assert_eq!(rejection(alone), (400, "InvalidArgument".into()));
}

/// Versions as S3 describes them: those of each key, the newest first.
#[derive(Default)]
struct Model(std::collections::BTreeMap<&'static str, Vec<(String, Option<String>)>>);

impl Model {
    fn add(&mut self, key: &'static str, id: String, body: Option<String>) {
        let versions = self.0.entry(key).or_default();
        versions.retain(|(known, _)| id != NULL || known != NULL);
        versions.insert(0, (id, body));
    }

    fn versions(&self) -> Vec<(String, String, bool, bool)> {
        let of_key = |(key, versions): (&&str, &Vec<(String, Option<String>)>)| {
            let entry = |(n, (id, body)): (usize, &(String, Option<String>))| {
                ((*key).to_owned(), id.clone(), n == 0, body.is_some())
            };
            versions.iter().enumerate().map(entry).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_key).collect()
    }

    fn current(&self) -> Vec<String> {
        let current = self
            .0
            .iter()
            .filter(|(_, versions)| versions.first().is_some_and(|(_, body)| body.is_some()));
        current.map(|(key, _)| (*key).to_owned()).collect()
    }
}

#[tokio::test]
async fn random_operations_leave_what_the_model_says() {
    const KEYS: [&str; 3] = ["a", "a/b", "b"];
    let mut random = noise(17, 4000).to_vec().into_iter().map(usize::from).cycle();
    let mut next = move |below: usize| random.next().unwrap() % below;
    let store = TestStore::start().await;
    let mut model = Model::default();
    let mut status = None;
    for step in 0..150 {
        let key = KEYS[next(KEYS.len())];
        match next(10) {
            0 => {
                let wanted = [BucketVersioningStatus::Enabled, BucketVersioningStatus::Suspended][next(2)].clone();
                store.set_versioning(wanted.clone()).await;
                status = Some(wanted);
            }
            1..=4 => {
                let body = format!("{step}").repeat([1, 20_000][next(2)]);
                let put = store.s3.put_object().bucket(BUCKET).key(key);
                let put = put
                    .body(ByteStream::from(body.clone().into_bytes()))
                    .send()
                    .await
                    .unwrap();
                let enabled = status == Some(BucketVersioningStatus::Enabled);
                assert_eq!(put.version_id.is_some(), enabled);
                model.add(key, put.version_id.unwrap_or_else(|| NULL.to_owned()), Some(body));
            }
            5..=6 => match store.delete(key).await {
                Some(id) => model.add(key, id, None),
                None => drop(model.0.remove(key)),
            },
            _ => {
                let versions = model.0.entry(key).or_default();
                if versions.is_empty() {
                    continue;
                }
                let (id, _) = versions.remove(next(versions.len()));
                store.delete_version(key, &id).await;
            }
        }
        assert_eq!(store.versions("", 1).await, model.versions(), "step {step}");
        let listed = store.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        let listed: Vec<_> = listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect();
        assert_eq!(listed, model.current(), "step {step}");
        for (id, body) in model.0.get(key).into_iter().flatten() {
            assert!(store.get_version(key, id).await == *body, "step {step}");
        }
    }
    let bodies = model.0.values().flatten().filter_map(|(_, body)| body.as_ref());
    let files = bodies.filter(|body| body.len() > crate::harness::MAX_INLINE).count();
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), files);
}
