//! The requests of every call: for a caller's own objects, and for those of another tenant.

use draftstore_controller::CALLS;
use draftstore_service::Scope;
use serde_json::{Value, json};

use super::callers::Caller;
use super::tenant::{Foreign, Tenant, whole_key};
use crate::front::{Front, upload};

/// The ID of an event that no webhook lacks.
const NO_EVENT: &str = "evt_01KAN3XJ5V8Q7R2M4T6W9Y0ZBC";

/// The ID of a draft that does not exist.
const NO_DRAFT: &str = "7ZZZZZZZZZ0000000000000000";

/// Returns an ID that nobody has, as old as another.
fn unissued(id: &str) -> String {
    let (beginning, end) = id.split_at(id.len() - 4);
    format!("{beginning}{}", if end == "0000" { "1111" } else { "0000" })
}

/// A call of the table of calls.
pub(super) struct Call {
    /// The path without the prefix of all calls.
    pub(super) route: &'static str,
    scopes: &'static [&'static [Scope]],
}

pub(super) fn calls() -> impl Iterator<Item = Call> {
    let call = |row: &'static draftstore_controller::Call| Call {
        route: row.path.strip_prefix("/api/v1/").expect("a route of the contract"),
        scopes: row.scopes,
    };
    CALLS.iter().map(call)
}

impl Call {
    /// Returns whether the table of calls allows the call to this caller.
    pub(super) fn is_allowed(&self, caller: &Caller) -> bool {
        let mut sets = self.scopes.iter();
        sets.any(|set| set.iter().all(|scope| caller.scopes.contains(*scope)))
    }

    /// Returns a request for the caller's own object, which exists if `is_there`.
    pub(super) async fn own(&self, front: Front, caller: &Caller, own: &Tenant<'_>, is_there: bool) -> Value {
        let name = own.fresh();
        match self.route {
            "draft-bucket" | "list-drafts" | "list-objects" | "usage" | "list-events" | "watch-events" => json!({}),
            // The other tenant's prefix is an ordinary name.
            "upload-url" | "multipart/create" => json!({"object_name": format!("t10/{name}")}),
            "upload-urls" => json!({"uploads": [{"object_name": format!("t10/{name}"), "unique": true}]}),
            "tickets" => json!({"prefix": "t10/"}),
            "download-url" | "inspect-draft" | "check-draft" | "watch-draft" | "discard-draft" | "confirm-upload" => {
                if is_there {
                    own.draft(&name, false).await;
                }
                json!({ "object_name": name })
            }
            "list-undelivered-events" => json!({"webhook": "erp"}),
            "redeliver-events" => json!({"webhook": "erp", "event_ids": [NO_EVENT]}),
            // The profile asks no scanner.
            "report-scan" => report(&name),
            "restore-object" => {
                if is_there {
                    own.kept(&name).await;
                }
                json!({"object_name": name, "days": 1})
            }
            "get-object" | "delete-object" => {
                if is_there {
                    own.kept(&name).await;
                }
                json!({ "object_name": name })
            }
            "update-object" | "copy-object" | "move-object" => {
                if is_there {
                    own.kept(&name).await;
                }
                let mut request = json!({ "object_name": name });
                match self.route {
                    "update-object" => request["metadata"] = json!({"a": "1"}),
                    _ => request["destination_name"] = own.fresh().into(),
                }
                request
            }
            "list-versions" | "restore-version" | "delete-version" => {
                let mut request = json!({ "object_name": name });
                if is_there {
                    request["version_id"] = own.kept(&name).await;
                } else {
                    request["version_id"] = "none".into();
                }
                if self.route == "list-versions" {
                    request.as_object_mut().expect("a message").remove("version_id");
                }
                request
            }
            "delete-objects" => {
                if is_there {
                    own.kept(&name).await;
                }
                json!({"objects": [{ "object_name": name }]})
            }
            "confirm-uploads" => {
                if is_there {
                    own.draft(&name, false).await;
                }
                json!({"uploads": [{ "object_name": name }]})
            }
            "multipart/sign-parts" | "multipart/list-parts" | "multipart/complete" | "multipart/abort" => {
                let mut request = json!({"object_name": name, "upload_id": "none"});
                if is_there {
                    request["upload_id"] = self.begun(front, caller, own, &name).await;
                }
                if self.route == "multipart/sign-parts" {
                    request["parts"] = json!([{"part_number": 1}]);
                }
                request
            }
            other => panic!("no request for {other}"),
        }
    }

    /// Creates a multipart upload whose only part has arrived.
    async fn begun(&self, front: Front, caller: &Caller, own: &Tenant<'_>, name: &str) -> Value {
        let create = json!({ "object_name": name });
        let begun = own
            .call(front, caller, "multipart/create", &create)
            .await
            .expect("begun");
        let sign = json!({"object_name": name, "upload_id": begun["upload_id"], "parts": [{"part_number": 1}]});
        let signed = own
            .call(front, caller, "multipart/sign-parts", &sign)
            .await
            .expect("signed");
        let mut part = signed["parts"][0].clone();
        part["method"] = "PUT".into();
        part["headers"] = json!({});
        assert_eq!(upload(&part, "part").await, 200);
        begun["upload_id"].clone()
    }

    /// Asserts the response to that request.
    pub(super) async fn assert_own(&self, front: Front, caller: &Caller, own: &Tenant<'_>, answer: &Value) {
        let is_own = |url: &Value| {
            let path = url
                .as_str()
                .expect("a URL")
                .split('?')
                .next()
                .expect("a path")
                .to_owned();
            assert!(path.contains("/t1/"), "{path}");
        };
        let no_foreign = |list: &Value, field: &str| {
            let list = list.as_array().expect("a list");
            let names = list.iter().map(|one| one[field].as_str().expect("a name"));
            assert!(names.into_iter().all(|name| name.starts_with("own")), "{list:?}");
            assert!(!list.is_empty(), "it has some");
        };
        match self.route {
            "draft-bucket" => assert_eq!(answer["draft_bucket"], "main-draft"),
            "list-drafts" => no_foreign(&answer["drafts"], "object_name"),
            "list-objects" => no_foreign(&answer["objects"], "object_name"),
            "usage" => {
                let usage = answer["usage"].as_array().expect("usage");
                assert!(
                    !usage.is_empty() && usage.iter().all(|one| one["tenant"] == "t1"),
                    "{usage:?}"
                );
            }
            "upload-url" => is_own(&answer["upload_url"]),
            "upload-urls" => is_own(&answer["outcomes"][0]["issued"]["upload_url"]),
            "download-url" => is_own(&answer["download_url"]),
            "multipart/sign-parts" => is_own(&answer["parts"][0]["upload_url"]),
            "multipart/create" => {
                let sign = json!({
                    "object_name": answer["object_name"], "upload_id": answer["upload_id"], "parts": [{"part_number": 1}],
                });
                let signed = own
                    .call(front, caller, "multipart/sign-parts", &sign)
                    .await
                    .expect("signed");
                is_own(&signed["parts"][0]["upload_url"]);
            }
            "tickets" => {
                let holder = Caller {
                    name: "a ticket".to_owned(),
                    scopes: caller.scopes,
                    authorization: Some(format!("Bearer {}", answer["ticket"].as_str().expect("a ticket"))),
                };
                let request = json!({"object_name": "t10/by-ticket"});
                let issued = own.call(front, &holder, "upload-url", &request).await.expect("issued");
                is_own(&issued["upload_url"]);
            }
            "inspect-draft" | "check-draft" | "watch-draft" | "get-object" | "multipart/complete" => {
                assert!(answer["etag"].is_string());
            }
            "list-undelivered-events" => assert_eq!(answer["events"], json!([])),
            "watch-events" => assert!(answer["cursor"].is_string()),
            "list-events" => {
                let events = answer["events"].as_array().expect("events");
                assert!(events.iter().all(|event| event["tenant"] == "t1"), "{answer}");
            }
            "redeliver-events" => assert_eq!(answer["outcomes"][0]["result"], "REDELIVERY_RESULT_NOT_FOUND"),
            "report-scan" => assert_eq!(answer["recorded"], false),
            "discard-draft" => assert_eq!(answer["discarded"], true),
            "delete-object" => assert_eq!(answer["deleted"], true),
            "list-versions" => assert_eq!(answer["versions"].as_array().expect("versions").len(), 1),
            "restore-version" => assert_eq!(answer["replayed"], true),
            "update-object" | "copy-object" | "move-object" => assert_eq!(answer["replayed"], false),
            "delete-objects" => assert_eq!(answer["outcomes"][0]["deleted"]["deleted"], true),
            "confirm-upload" | "confirm-uploads" => assert_eq!(answer["success"], true),
            "multipart/list-parts" => assert_eq!(answer["parts"][0]["part_number"], 1),
            // An object that is not archived has no state.
            "delete-version" | "multipart/abort" | "restore-object" => assert_eq!(*answer, json!({})),
            other => panic!("no check for {other}"),
        }
    }

    /// Returns requests for objects of another tenant, each with the same request for an object that does not exist.
    pub(super) fn foreign(&self, foreign: &Foreign) -> Vec<(Value, Value)> {
        let absent_key = whole_key(&unissued(&foreign.draft_id), "t10/file");
        let named = |name: &str| json!({ "object_name": name });
        let unique = |id: &str| json!({"object_name": foreign.name, "draft_id": id});
        let drafts = [
            (named(&foreign.named), named("t10/none")),
            (named(&foreign.kept), named("t10/none")),
            (unique(&foreign.draft_id), unique(&unissued(&foreign.draft_id))),
            (named(&foreign.whole_key), named(&absent_key)),
        ];
        let upload = |name: &str, id: &str| {
            let mut request = json!({"object_name": name, "upload_id": id});
            if self.route == "multipart/sign-parts" {
                request["parts"] = json!([{"part_number": 1}]);
            }
            request
        };
        let (parts_key, parts_id) = &foreign.parts;
        match self.route {
            "download-url" | "confirm-upload" | "inspect-draft" | "check-draft" | "watch-draft" | "discard-draft" => {
                drafts.to_vec()
            }
            "report-scan" => vec![(report(&foreign.named), report("t10/none"))],
            "get-object" | "delete-object" | "list-versions" => vec![(named(&foreign.kept), named("t10/none"))],
            "restore-object" => {
                let restore = |name: &str| json!({"object_name": name, "days": 1});
                vec![(restore(&foreign.kept), restore("t10/none"))]
            }
            "update-object" => {
                let update = |name: &str| json!({"object_name": name, "metadata": {"a": "1"}});
                vec![(update(&foreign.kept), update("t10/none"))]
            }
            "copy-object" | "move-object" => {
                let copy = |name: &str| json!({"object_name": name, "destination_name": "never"});
                vec![(copy(&foreign.kept), copy("t10/none"))]
            }
            "restore-version" | "delete-version" => {
                let version = |name: &str| json!({"object_name": name, "version_id": foreign.version_id});
                vec![(version(&foreign.kept), version("t10/none"))]
            }
            "delete-objects" => {
                let batch = |one: &Value| json!({ "objects": [one] });
                vec![(batch(&named(&foreign.kept)), batch(&named("t10/none")))]
            }
            "confirm-uploads" => {
                let batch = |one: &Value| json!({ "uploads": [one] });
                drafts
                    .iter()
                    .map(|(theirs, absent)| (batch(theirs), batch(absent)))
                    .collect()
            }
            "multipart/sign-parts" | "multipart/list-parts" | "multipart/complete" | "multipart/abort" => vec![
                (upload("parts", &foreign.upload_id), upload("none", &foreign.upload_id)),
                (
                    upload("t10/parts", &foreign.upload_id),
                    upload("t10/none", &foreign.upload_id),
                ),
                (
                    upload(parts_key, parts_id),
                    upload(&whole_key(NO_DRAFT, "t10/parts"), parts_id),
                ),
            ],
            "list-drafts" => {
                let beside = whole_key(&foreign.draft_id, "t10/none");
                vec![(json!({"page_token": foreign.whole_key}), json!({"page_token": beside}))]
            }
            "list-objects" => vec![(json!({"prefix": "t10/"}), json!({"prefix": "t11/"}))],
            // These calls create something new, or name no object.
            "draft-bucket"
            | "upload-url"
            | "upload-urls"
            | "multipart/create"
            | "tickets"
            | "usage"
            | "list-undelivered-events"
            | "list-events"
            | "watch-events"
            | "redeliver-events" => Vec::new(),
            other => panic!("no foreign request for {other}"),
        }
    }
}

/// Returns the report of a scanner about a draft.
fn report(name: &str) -> Value {
    json!({"object_name": name, "etag": "b1946ac92492d2347c6235b4d2611184", "verdict": "SCAN_VERDICT_ACCEPTED"})
}
