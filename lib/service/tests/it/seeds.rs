//! Rows of the systems that this one follows, on files that they have kept: each a test of its name.

use std::collections::BTreeMap;

use draftstore_service::draft::{
    ConfirmUpload, DeleteObject, DeleteVersion, DescribeObject, DownloadIssued, DraftName, IssueDownload, ListObjects,
    ListVersions, ObjectFilter, ObjectsPage, RequestedOptions, RestoreVersion, Stage, UpdateObject, VersionListed,
};
use draftstore_service::{Error, Missing};
use draftstore_testing::key;

use crate::ground::Ground;
use crate::system::System;

promises! {
    stratusvault_list_with_paging_and_filter: strong, seaweedfs;
    stratusvault_delete: strong, seaweedfs;
    stratusvault_atomic_replace_with_backup_and_rollback: strong, seaweedfs;
    stratusvault_versions_with_timestamps: strong, seaweedfs;
    vaultx_metadata_update: strong, seaweedfs;
    vaultx_tags: strong, seaweedfs;
    vaultx_usage: strong, seaweedfs;
    vaultx_search_by_prefix_tag_and_type: strong, seaweedfs;
    juststorage_states_and_delete_with_later_removal: strong, seaweedfs;
    juststorage_hot_and_cold: strong, seaweedfs;
    juststorage_download_by_key: strong, seaweedfs;
    vaultaire_containers: strong, seaweedfs;
}

impl System {
    /// Confirms these bytes under a name, in place of what is there, and returns the ID of the version, if there are any.
    async fn store(&self, name: &str, bytes: &'static str) -> Option<String> {
        self.store_with(name, bytes, RequestedOptions::default()).await
    }

    async fn store_with(&self, name: &str, bytes: &'static str, options: RequestedOptions) -> Option<String> {
        self.world.draft(name, bytes).await;
        let confirm = ConfirmUpload {
            object_name: name.to_owned(),
            overwrite: true,
            options,
            ..ConfirmUpload::default()
        };
        let kept = self.drafts.confirm(&confirm).await.expect("confirmed");
        kept.version_id.map(|id| id.to_string())
    }

    async fn listed(&self, request: ListObjects) -> ObjectsPage {
        self.drafts.list_objects(&request).await.expect("listed")
    }

    async fn remove(&self, name: &str) {
        let delete = DeleteObject {
            object_name: name.to_owned(),
            if_match: None,
        };
        self.drafts.delete_object(&delete).await.expect("deleted");
    }

    async fn versions_of(&self, name: &str) -> Vec<VersionListed> {
        let list = ListVersions {
            object_name: name.to_owned(),
            ..ListVersions::default()
        };
        self.drafts.list_versions(&list).await.expect("listed").versions
    }

    async fn update(&self, update: UpdateObject) {
        let update = UpdateObject {
            object_name: "a".to_owned(),
            ..update
        };
        self.drafts.update_object(&update).await.expect("updated");
    }

    async fn download(&self, name: &str, version: Option<String>) -> Result<DownloadIssued, Error> {
        let download = IssueDownload {
            object_name: name.to_owned(),
            stage: Some(Stage::Main),
            version_id: version,
            ..IssueDownload::default()
        };
        self.drafts.issue_download(&download).await
    }

    async fn text(&self, name: &str) -> Option<String> {
        let bytes = self.world.main_bytes(&key(name)).await;
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }
}

fn names(page: &ObjectsPage) -> Vec<&str> {
    page.objects.iter().map(|object| object.object_name.as_str()).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn tagged<const N: usize>(tags: [(&str, &str); N]) -> RequestedOptions {
    RequestedOptions {
        tags: pairs(tags),
        ..RequestedOptions::default()
    }
}

async fn stratusvault_list_with_paging_and_filter(ground: &Ground) {
    let system = ground.system().await;
    for (name, bytes) in [("a", "1"), ("b", "22"), ("c", "333"), ("d", "4444")] {
        system.store(name, bytes).await;
    }
    let (mut found, mut page_token) = (Vec::new(), None);
    loop {
        let page = system
            .listed(ListObjects {
                page_size: Some(2),
                page_token,
                filter: ObjectFilter {
                    min_size: Some(2),
                    max_size: Some(3),
                    ..ObjectFilter::default()
                },
                ..ListObjects::default()
            })
            .await;
        found.extend(names(&page).into_iter().map(ToOwned::to_owned));
        page_token = page.next_page_token;
        if page_token.is_none() {
            break;
        }
    }
    assert_eq!(found, ["b", "c"]);
}

async fn stratusvault_delete(ground: &Ground) {
    let system = ground.system().await;
    system.store("a", "bytes").await;
    for _ in 0..2 {
        system.remove("a").await;
        assert_eq!(system.text("a").await, None);
    }
}

async fn stratusvault_atomic_replace_with_backup_and_rollback(ground: &Ground) {
    let system = ground.system().await;
    system.world.keep_versions().await;
    let first = system.store("a", "first").await;
    system.store("a", "second").await;
    assert_eq!(system.text("a").await.as_deref(), Some("second"));
    let roll_back = RestoreVersion {
        object_name: "a".to_owned(),
        version_id: first,
        if_match: None,
    };
    system.drafts.restore_version(&roll_back).await.expect("rolled back");
    assert_eq!(system.text("a").await.as_deref(), Some("first"));
}

async fn stratusvault_versions_with_timestamps(ground: &Ground) {
    let system = ground.system().await;
    system.world.keep_versions().await;
    let mut stored = Vec::new();
    for bytes in ["1", "22", "333"] {
        stored.push(system.store("a", bytes).await.expect("an ID"));
    }
    let listed = system.versions_of("a").await;
    let ids: Vec<_> = listed.iter().map(|version| version.version_id.to_string()).collect();
    stored.reverse();
    assert_eq!(ids, stored);
    assert!(listed.is_sorted_by(|newer, older| newer.created_at >= older.created_at));
    let sizes: Vec<_> = listed
        .iter()
        .map(|version| version.bytes.as_ref().map(|bytes| bytes.size))
        .collect();
    assert_eq!(sizes, [Some(3), Some(2), Some(1)]);
}

async fn vaultx_metadata_update(ground: &Ground) {
    let system = ground.system().await;
    system.store("a", "bytes").await;
    let set = UpdateObject {
        metadata: pairs([("author", "ada"), ("state", "new")]),
        ..UpdateObject::default()
    };
    system.update(set).await;
    let change = UpdateObject {
        metadata: pairs([("author", "grace")]),
        remove: vec!["metadata.state".to_owned()],
        ..UpdateObject::default()
    };
    system.update(change).await;
    let object = DescribeObject {
        object_name: "a".to_owned(),
        version_id: None,
    };
    let described = system.drafts.describe_object(&object).await.expect("there");
    assert_eq!(
        described.description.info.attributes.metadata,
        pairs([("author", "grace")])
    );
    assert_eq!(system.text("a").await.as_deref(), Some("bytes"));
}

async fn vaultx_tags(ground: &Ground) {
    let system = ground.system().await;
    system.store_with("a", "bytes", tagged([("project", "apollo")])).await;
    let object = DescribeObject {
        object_name: "a".to_owned(),
        version_id: None,
    };
    let tags = async || system.drafts.describe_object(&object).await.expect("there").tags;
    assert_eq!(tags().await, pairs([("project", "apollo")]));
    let change = UpdateObject {
        options: tagged([("project", "gemini"), ("year", "1965")]),
        ..UpdateObject::default()
    };
    system.update(change).await;
    assert_eq!(tags().await, pairs([("project", "gemini"), ("year", "1965")]));
    let remove = UpdateObject {
        remove: vec!["tags".to_owned()],
        ..UpdateObject::default()
    };
    system.update(remove).await;
    assert_eq!(tags().await, pairs([]));
}

async fn vaultx_usage(ground: &Ground) {
    let system = ground.system().await;
    for (name, bytes) in [("a/1", "1"), ("a/2", "22"), ("b/1", "333")] {
        system.store(name, bytes).await;
    }
    for (prefix, objects, bytes) in [("", 3, 6), ("a/", 2, 3), ("c/", 0, 0)] {
        let request = ListObjects {
            prefix: Some(prefix.to_owned()),
            totals: true,
            ..ListObjects::default()
        };
        let totals = system.listed(request).await.totals.expect("counted");
        assert_eq!(
            (totals.objects, totals.bytes, totals.is_complete),
            (objects, bytes, true)
        );
    }
}

async fn vaultx_search_by_prefix_tag_and_type(ground: &Ground) {
    let system = ground.system().await;
    for (name, tags) in [
        ("a/1", tagged([("project", "apollo")])),
        ("a/2", tagged([("project", "gemini")])),
        ("b/1", tagged([("project", "apollo")])),
    ] {
        system.store_with(name, "bytes", tags).await;
        let update = UpdateObject {
            object_name: name.to_owned(),
            content_type: Some(if name == "b/1" { "image/png" } else { "text/plain" }.to_owned()),
            ..UpdateObject::default()
        };
        system.drafts.update_object(&update).await.expect("updated");
    }
    let found = async |prefix: &str, tags, content_type: Option<&str>| {
        let request = ListObjects {
            prefix: Some(prefix.to_owned()),
            filter: ObjectFilter {
                content_type: content_type.map(ToOwned::to_owned),
                tags,
                ..ObjectFilter::default()
            },
            ..ListObjects::default()
        };
        let page = system.listed(request).await;
        names(&page).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found("a/", pairs([]), None).await, ["a/1", "a/2"]);
    assert_eq!(found("", pairs([("project", "apollo")]), None).await, ["a/1", "b/1"]);
    assert_eq!(found("", pairs([]), Some("image/*")).await, ["b/1"]);
    assert_eq!(
        found("a/", pairs([("project", "apollo")]), Some("text/plain")).await,
        ["a/1"]
    );
}

async fn juststorage_states_and_delete_with_later_removal(ground: &Ground) {
    let system = ground.system().await;
    system.world.keep_versions().await;
    let draft = || DraftName {
        object_name: "a".to_owned(),
        draft_id: None,
    };
    system.world.draft("a", "bytes").await;
    assert!(system.drafts.discard(&draft()).await.expect("discarded"), "a draft");
    let version = system.store("a", "bytes").await.expect("an ID");
    system.drafts.drain().await;
    assert!(!system.drafts.discard(&draft()).await.expect("none"), "confirmed");
    system.remove("a").await;
    let gone = system.download("a", None).await.expect_err("deleted");
    assert!(matches!(gone, Error::NotFound(Missing::Object)), "{gone:?}");
    // The store removes the version later, by its rules or by a call.
    system.download("a", Some(version.clone())).await.expect("still there");
    let remove = DeleteVersion {
        object_name: "a".to_owned(),
        version_id: version.clone(),
    };
    system.drafts.delete_version(&remove).await.expect("removed");
    let gone = system.download("a", Some(version)).await.expect_err("removed");
    assert!(matches!(gone, Error::NotFound(Missing::Version)), "{gone:?}");
}

async fn juststorage_hot_and_cold(ground: &Ground) {
    let system = ground.system().await;
    system.store("a", "bytes").await;
    let object = DescribeObject {
        object_name: "a".to_owned(),
        version_id: None,
    };
    for class in ["STANDARD_IA", "STANDARD"] {
        let options = RequestedOptions {
            storage_class: Some(class.to_owned()),
            ..RequestedOptions::default()
        };
        let update = UpdateObject {
            options,
            ..UpdateObject::default()
        };
        system.update(update).await;
        let described = system.drafts.describe_object(&object).await.expect("there");
        assert_eq!(
            described.description.storage_class.as_deref().unwrap_or("STANDARD"),
            class
        );
        assert_eq!(system.text("a").await.as_deref(), Some("bytes"));
    }
}

async fn juststorage_download_by_key(ground: &Ground) {
    let system = ground.system().await;
    system.store("folder/a b+é.txt", "bytes").await;
    let issued = system.download("folder/a b+é.txt", None).await.expect("issued");
    let response = system
        .world
        .http
        .get(issued.request.url.expose())
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.text().await.expect("text"), "bytes");
}

async fn vaultaire_containers(ground: &Ground) {
    let system = ground.system().await;
    for name in ["photos/1", "photos/2026/1", "notes/1", "readme"] {
        system.store(name, "bytes").await;
    }
    let directly_below = async |prefix: &str| {
        let request = ListObjects {
            prefix: Some(prefix.to_owned()),
            delimiter: Some("/".to_owned()),
            ..ListObjects::default()
        };
        let page = system.listed(request).await;
        (
            page.folders.clone(),
            names(&page).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>(),
        )
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        directly_below("").await,
        (texts(&["notes/", "photos/"]), texts(&["readme"]))
    );
    assert_eq!(
        directly_below("photos/").await,
        (texts(&["photos/2026/"]), texts(&["photos/1"]))
    );
}
