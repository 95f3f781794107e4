//! The call on the usage of all buckets.

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, draft};
use crate::server::Server;

#[tokio::test]
async fn usage_is_counted_by_tenant_stage_and_class() {
    let server = Server::start();
    for front in FRONTS {
        if front == FRONTS[0] {
            let refused = front.call(&server, "usage", json!({})).await.expect_err("not counted");
            refused.assert(404, Code::NotFound, "USAGE_NOT_COUNTED");
        }
        for name in ["t1/a", "t1/b", "c"] {
            draft(&server, name, b"bytes").await;
        }
        let confirm = json!({"object_name": "t1/a", "overwrite": true});
        front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        // The draft of a confirm is deleted after the answer.
        while front
            .call(&server, "inspect-draft", json!({"object_name": "t1/a"}))
            .await
            .is_ok()
        {}
        server.count_usage().await;

        let usage = front.call(&server, "usage", json!({})).await.expect("counted");
        let row = |tenant: &str, stage: &str| json!({"tenant": tenant, "stage": stage, "storage_class": "STANDARD", "objects": "1", "bytes": "5"});
        let expected = [
            row("", "STAGE_DRAFT"),
            row("t1", "STAGE_DRAFT"),
            row("t1", "STAGE_MAIN"),
        ];
        assert_eq!(usage["usage"], json!(expected), "{front:?}");
        assert_eq!(usage["is_complete"], true);
        for time in ["counted_from", "counted_until"] {
            assert!(usage[time].as_str().is_some_and(|time| time.ends_with('Z')), "{usage}");
        }

        let (mut pages, mut token) = (0, Value::Null);
        loop {
            let request = json!({"page_size": 2, "page_token": token});
            let page = front.call(&server, "usage", request).await.expect("a page");
            pages += 1;
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        assert_eq!(pages, 2);
        let refused = front
            .call(&server, "usage", json!({"page_size": 0, "page_token": "x"}))
            .await;
        assert_eq!(refused.expect_err("invalid").fields, ["page_size", "page_token"]);
    }
}
