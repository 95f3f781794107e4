use serde_json::json;
use tonic::Code;

use crate::front::{FRONTS, draft};
use crate::server::Server;

#[tokio::test]
async fn delete_removes_the_object_and_not_the_draft() {
    let server = Server::start();
    for front in FRONTS {
        let name = json!({ "object_name": front.name("a") });
        draft(&server, &front.name("a"), b"kept").await;
        let confirmed = front.call(&server, "confirm-upload", name.clone()).await;
        let etag = confirmed.expect("confirmed")["etag"].clone();
        draft(&server, &front.name("a"), b"a draft").await;
        let answer = front
            .call(&server, "delete-object", name.clone())
            .await
            .expect("deleted");
        let gone = json!({"deleted": true, "etag": etag, "can_be_undone": false, "undo_until_unknown": false});
        assert_eq!(answer, gone);
        let answer = front
            .call(&server, "delete-object", name.clone())
            .await
            .expect("deleted");
        assert_eq!(
            answer,
            json!({"deleted": false, "can_be_undone": false, "undo_until_unknown": false})
        );
        let failure = front.call(&server, "get-object", name.clone()).await.expect_err("gone");
        failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        front.call(&server, "inspect-draft", name.clone()).await.expect("there");
        // The name is free again.
        front.call(&server, "confirm-upload", name).await.expect("confirmed");
    }
}

#[tokio::test]
async fn delete_of_another_version_is_refused() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"first").await;
        let confirm = json!({ "object_name": name });
        let first = front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        draft(&server, &name, b"second").await;
        let replace = json!({"object_name": name, "overwrite": true});
        let second = front.call(&server, "confirm-upload", replace).await.expect("replaced");

        let stale = json!({"object_name": name, "if_match": first["etag"]});
        let failure = front
            .call(&server, "delete-object", stale.clone())
            .await
            .expect_err("stale");
        failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(failure.fields, ["if_match"]);
        let quoted = format!("\"{}\"", second["etag"].as_str().expect("an ETag"));
        let current = json!({"object_name": name, "if_match": quoted});
        let answer = front.call(&server, "delete-object", current).await.expect("deleted");
        assert_eq!(answer["etag"], second["etag"]);
        let answer = front.call(&server, "delete-object", stale).await.expect("nothing left");
        assert_eq!(answer["deleted"], false);
    }
}

#[tokio::test]
async fn invalid_fields_of_a_delete_are_named() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": ".drafts/00/x", "if_match": "*"});
        let failure = front
            .call(&server, "delete-object", request)
            .await
            .expect_err("invalid");
        failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(failure.fields, ["object_name", "if_match"]);
    }
}
