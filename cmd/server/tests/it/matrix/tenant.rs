//! The objects of a tenant, created by the caller with all rights.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::callers::Caller;
use crate::front::{Failure, Front, download, upload};
use crate::server::Server;

/// A tenant, which the root addresses by a prefix.
pub(super) struct Tenant<'a> {
    pub(super) server: &'a Server,
    name: &'static str,
    root: &'a Caller,
    made: AtomicUsize,
}

/// The objects of another tenant.
pub(super) struct Foreign {
    /// The name of a named draft, for the root.
    pub(super) named: String,
    /// The name of a unique draft within its tenant.
    pub(super) name: &'static str,
    pub(super) draft_id: String,
    pub(super) whole_key: String,
    /// The name of a confirmed object, for the root.
    pub(super) kept: String,
    /// The ID of its version.
    pub(super) version_id: String,
    /// The upload ID of a multipart upload with the same name within its tenant.
    pub(super) upload_id: String,
    /// The key in the store of a unique draft that is uploaded in parts, and its upload ID.
    pub(super) parts: (String, String),
}

impl<'a> Tenant<'a> {
    pub(super) fn new(server: &'a Server, name: &'static str, root: &'a Caller) -> Self {
        Self {
            server,
            name,
            root,
            made: AtomicUsize::new(0),
        }
    }

    /// Returns a new name.
    pub(super) fn fresh(&self) -> String {
        format!("own{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) async fn call(
        &self,
        front: Front,
        caller: &Caller,
        route: &str,
        request: &Value,
    ) -> Result<Value, Failure> {
        let headers = caller.authorization.as_deref().map(|said| ("authorization", said));
        front
            .call_with(headers.as_slice(), self.server, route, request.clone())
            .await
    }

    async fn root(&self, route: &str, request: Value) -> Value {
        let answer = self.call(Front::Rest, self.root, route, &request).await;
        answer.unwrap_or_else(|refused| panic!("{route} {request}: {refused:?}"))
    }

    /// Uploads a draft with this name within the tenant, and returns the response of upload-url.
    pub(super) async fn draft(&self, name: &str, unique: bool) -> Value {
        let request = json!({"object_name": format!("{}/{name}", self.name), "unique": unique});
        let issued = self.root("upload-url", request).await;
        assert_eq!(upload(&issued, self.name).await, 200);
        issued
    }

    /// Creates an object in main with this name within the tenant, and returns the ID of its version.
    pub(super) async fn kept(&self, name: &str) -> Value {
        self.draft(name, false).await;
        let request = json!({"object_name": format!("{}/{name}", self.name)});
        self.root("confirm-upload", request).await["version_id"].clone()
    }

    /// Creates one object of each kind.
    pub(super) async fn settle(&self) -> Foreign {
        let root_name = |name: &str| format!("{}/{name}", self.name);
        self.draft("named", false).await;
        let version_id = self.kept("kept").await;
        let unique = self.draft("file", true).await;
        let draft_id = unique["draft_id"].as_str().expect("an ID").to_owned();
        let begin = |name: &'static str, unique: bool| async move {
            let request = json!({"object_name": root_name(name), "unique": unique});
            self.root("multipart/create", request).await
        };
        let named = begin("parts", false).await;
        let in_parts = begin("parts", true).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let parts_id = text(&in_parts["draft_id"]);
        Foreign {
            named: root_name("named"),
            name: "file",
            whole_key: whole_key(&draft_id, &root_name("file")),
            draft_id,
            kept: root_name("kept"),
            version_id: text(&version_id),
            upload_id: text(&named["upload_id"]),
            parts: (whole_key(&parts_id, &root_name("parts")), text(&in_parts["upload_id"])),
        }
    }

    /// Asserts that all objects are unchanged.
    pub(super) async fn assert_unchanged(&self, foreign: &Foreign) {
        for (stage, name) in [
            ("STAGE_DRAFT", &foreign.named),
            ("STAGE_DRAFT", &foreign.whole_key),
            ("STAGE_MAIN", &foreign.kept),
        ] {
            let read = self
                .root("download-url", json!({"object_name": name, "stage": stage}))
                .await;
            let bytes = download(&read).await.text().await.expect("bytes");
            assert_eq!(bytes, self.name, "{name}");
        }
        let drafts = self.root("list-drafts", json!({})).await;
        let ours = |draft: &&Value| {
            draft["object_name"]
                .as_str()
                .is_some_and(|name| name.starts_with("t10/"))
        };
        let drafts = drafts["drafts"].as_array().expect("drafts").iter().filter(ours).count();
        assert_eq!(drafts, 2, "none came");
        let objects = self.root("list-objects", json!({"prefix": "t10/"})).await;
        assert_eq!(objects["objects"].as_array().expect("objects").len(), 1, "none came");
        let parts = json!({"object_name": "t10/parts", "upload_id": foreign.upload_id});
        self.root("multipart/list-parts", parts).await;
    }
}

/// Returns the key of a unique draft in the store.
pub(super) fn whole_key(draft_id: &str, name: &str) -> String {
    let random: ulid::Ulid = draft_id.parse().expect("a ULID");
    format!(".drafts/{:02x}/{draft_id}/{name}", random.random() & 0xff)
}
