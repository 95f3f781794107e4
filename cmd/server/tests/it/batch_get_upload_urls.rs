use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, upload, upload_form};
use crate::server::Server;

#[tokio::test]
async fn each_upload_has_its_own_outcome_in_order() {
    let server = Server::start();
    for front in FRONTS {
        let name = |n: &str| front.name(n);
        let uploads = json!([
            {"object_name": name("a")},
            {"object_name": "../b", "expires_in": 0},
            {"object_name": name("c"), "unique": true},
            {"object_name": name("d"), "content_length": "5368709121"},
            {"object_name": name("e"), "max_content_length": 5},
            {"object_name": name("a")},
        ]);
        let request = json!({ "uploads": uploads });
        let answer = front.call(&server, "upload-urls", request).await.expect("answered");
        assert_eq!(answer["success"], false);
        let outcomes = answer["outcomes"].as_array().expect("outcomes");
        assert_eq!(outcomes.len(), 6);
        for (place, bytes) in [(0, "first"), (2, "unique"), (5, "last")] {
            let issued = &outcomes[place]["issued"];
            assert_eq!(issued["object_name"], uploads[place]["object_name"]);
            assert_eq!(upload(issued, bytes).await, 200);
        }
        assert_eq!(upload_form(&outcomes[4]["issued"], b"form.").await, 201);
        let id = outcomes[2]["issued"]["draft_id"].as_str().expect("an ID");
        let request = json!({"object_name": name("c"), "draft_id": id});
        let seen = front.call(&server, "inspect-draft", request).await.expect("there");
        assert_eq!(seen["size"], "6");

        let bad = &outcomes[1]["error"];
        assert_eq!(
            (&bad["reason"], &bad["http_status"], &bad["grpc_code"]),
            (
                &json!("INVALID_REQUEST"),
                &json!(400),
                &json!(Code::InvalidArgument as i32)
            )
        );
        let fields: Vec<_> = bad["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|e| &e["field"])
            .collect();
        assert_eq!(fields, ["object_name", "expires_in"]);
        assert_eq!(outcomes[3]["error"]["reason"], "TOO_LARGE");
    }
}

#[tokio::test]
async fn batch_of_urls_has_at_most_a_hundred() {
    let server = Server::start();
    let uploads = |count: usize| -> Vec<Value> {
        let upload = |n: usize| json!({"object_name": format!("{n}/{}", "x".repeat(800)), "unique": true});
        (0..count).map(upload).collect()
    };
    for front in FRONTS {
        let request = json!({ "uploads": uploads(100) });
        let answer = front.call(&server, "upload-urls", request).await.expect("answered");
        assert_eq!(answer["success"], true);
        assert_eq!(answer["outcomes"].as_array().expect("outcomes").len(), 100);
        for bad in [0, 101] {
            let request = json!({ "uploads": uploads(bad) });
            let failure = front.call(&server, "upload-urls", request).await.expect_err("refused");
            failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(failure.fields, ["uploads"]);
        }
    }
}
