//! Storage options and headers that a profile sets.

use serde_json::{Value, json};

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Failure, Front, upload};
use crate::server::Server;

/// A server with a caller whose profile sets options, and one without a profile.
struct World {
    server: Server,
    _policy: Policy,
    records: String,
    free: String,
}

impl World {
    fn start(fixed: &str) -> Self {
        let all = "scopes = ['upload', 'download', 'inspect', 'confirm', 'manage', 'admin']\n";
        let [records, free] = ["records", "free"].map(new_key);
        let policy = Policy::new(&format!(
            "[profiles.claims]\ncache_control = 'no-store'\nstorage_options = ['tags', 'storage_class', 'retention', 'legal_hold']\n\
             [profiles.claims.fixed_options]\n{fixed}\n{}{all}profile = 'claims'\n{}{all}",
            records.1, free.1
        ));
        let [records, free] = [records, free].map(|(key, _)| bearer(&key));
        Self {
            server: policy.server("api-key", &[]),
            _policy: policy,
            records,
            free,
        }
    }

    async fn call(&self, front: Front, key: &str, route: &str, request: Value) -> Result<Value, Failure> {
        let headers = [("authorization", key)];
        front.call_with(&headers, &self.server, route, request).await
    }

    async fn ok(&self, front: Front, key: &str, route: &str, request: Value) -> Value {
        let answer = self.call(front, key, route, request).await;
        answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
    }

    /// Confirms an upload of one caller by another, and describes the object.
    async fn kept(&self, front: Front, [uploads, confirms]: [&str; 2], name: &str) -> Value {
        let tags = json!({"tags": {"case": "4711"}});
        let request = json!({"object_name": name, "storage_options": tags});
        let issued = self.ok(front, uploads, "upload-url", request).await;
        assert_eq!(upload(&issued, "hello").await, 200);
        self.ok(front, confirms, "confirm-upload", json!({ "object_name": name }))
            .await;
        self.ok(front, confirms, "get-object", json!({ "object_name": name }))
            .await
    }
}

#[tokio::test]
async fn object_has_the_options_of_the_profile_that_uploads_or_confirms_it() {
    let world = World::start("tags = { department = 'claims' }\nstorage_class = 'STANDARD_IA'");
    let (records, free) = (world.records.as_str(), world.free.as_str());
    for front in FRONTS {
        for (number, callers) in [[records, records], [records, free], [free, records]]
            .into_iter()
            .enumerate()
        {
            let kept = world.kept(front, callers, &front.name(&number.to_string())).await;
            assert_eq!(
                (&kept["tags"], &kept["storage_class"], &kept["cache_control"]),
                (
                    &json!({"case": "4711", "department": "claims"}),
                    &json!("STANDARD_IA"),
                    &json!("no-store")
                ),
                "{number}: {kept}"
            );
        }
        let kept = world.kept(front, [free, free], &front.name("free")).await;
        assert_eq!(
            (&kept["tags"], kept.get("storage_class")),
            (&json!({"case": "4711"}), None)
        );
    }
}

#[tokio::test]
async fn request_that_contradicts_the_profile_is_refused_by_field_and_profile() {
    let fixed = "tags = { department = 'claims' }\nstorage_class = 'STANDARD_IA'\nlegal_hold = true\n\
                 retention = { mode = 'governance', days = 30 }";
    let world = World::start(fixed);
    let until = "2090-01-01T00:00:00Z";
    for front in FRONTS {
        for route in [
            "upload-url",
            "multipart/create",
            "confirm-upload",
            "update-object",
            "copy-object",
        ] {
            for (field, options, rule) in [
                (
                    "tags.department",
                    json!({"tags": {"department": "sales", "a": "1"}}),
                    "be 'claims', which the profile 'claims' sets",
                ),
                (
                    "storage_class",
                    json!({"storage_class": "GLACIER"}),
                    "be 'STANDARD_IA', which the profile 'claims' sets",
                ),
                (
                    "legal_hold",
                    json!({"legal_hold": false}),
                    "be 'true', which the profile 'claims' sets",
                ),
                (
                    "retention",
                    json!({"retention": {"mode": "RETENTION_MODE_COMPLIANCE", "until": until}}),
                    "the profile 'claims' sets it",
                ),
                (
                    "encryption",
                    json!({"encryption": "AES256"}),
                    "the profile 'claims' does not allow it",
                ),
            ] {
                let mut request = json!({"object_name": "a", "storage_options": options});
                if route == "copy-object" {
                    request["destination_name"] = json!("b");
                }
                let refused = world.call(front, &world.records, route, request).await;
                let refused = refused.expect_err(field);
                assert_eq!(refused.fields, [format!("storage_options.{field}")], "{route}");
                assert!(refused.rules[0].contains(rule), "{:?}", refused.rules);
            }
        }
        let remove = json!({"object_name": "a", "remove": ["tags"]});
        let refused = world.call(front, &world.records, "update-object", remove).await;
        assert_eq!(refused.expect_err("fixed").fields, ["remove[0]"]);
        let header = json!({"object_name": "a", "cache_control": "no-cache"});
        let refused = world.call(front, &world.records, "upload-url", header).await;
        let refused = refused.expect_err("fixed");
        assert_eq!(refused.fields, ["cache_control"]);
        assert!(
            refused.rules[0].contains("the profile 'claims' sets"),
            "{:?}",
            refused.rules
        );
    }
}

#[tokio::test]
async fn retention_of_the_profile_does_not_make_another_request_of_a_repeat() {
    let world = World::start("legal_hold = true\nretention = { mode = 'governance', days = 30 }");
    world.server.lock_objects().await;
    for front in FRONTS {
        let name = front.name("a");
        let issued = world
            .ok(front, &world.free, "upload-url", json!({ "object_name": name }))
            .await;
        assert_eq!(upload(&issued, "hello").await, 200);
        let confirm = json!({"object_name": name, "idempotency_key": name});
        let first = world.ok(front, &world.records, "confirm-upload", confirm.clone()).await;
        let again = world.ok(front, &world.records, "confirm-upload", confirm).await;
        assert_eq!(
            (&again["version_id"], &again["replayed"]),
            (&first["version_id"], &json!(true))
        );
        let kept = world
            .ok(front, &world.records, "get-object", json!({ "object_name": name }))
            .await;
        assert_eq!(
            (&kept["legal_hold"], &kept["retention"]["mode"]),
            (&json!(true), &json!("RETENTION_MODE_GOVERNANCE"))
        );
        let until: jiff::Timestamp = kept["retention"]["until"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a time");
        let left = until.duration_since(jiff::Timestamp::now()).as_hours();
        assert!((29 * 24..=30 * 24).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn option_of_the_profile_that_the_store_lacks_is_refused() {
    let world = World::start("encryption = 'aws:kms'\nkms_key_id = 'alias/claims'");
    for front in FRONTS {
        for route in ["upload-url", "confirm-upload"] {
            let refused = world
                .call(front, &world.records, route, json!({"object_name": "a"}))
                .await
                .expect_err("unsupported");
            assert_eq!(refused.reason, "STORE_UNSUPPORTED", "{route}");
            assert_eq!(refused.fields, ["storage_options.encryption"]);
        }
    }
}
