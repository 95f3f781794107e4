use futures::future::join_all;
use serde_json::json;
use tonic::Code;

use crate::front::{FRONTS, download, draft, upload};
use crate::server::Server;

#[tokio::test]
async fn confirmed_object_keeps_bytes_type_and_metadata() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("photo.png");
        let request = json!({"object_name": name, "content_type": "image/png", "metadata": {"author": "Ada"}});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "pixels").await, 200);

        let confirmed = front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await
            .expect("confirmed");
        assert_eq!(confirmed["success"], true);
        assert_eq!(confirmed["final_location"], format!("main/{name}"));
        assert_eq!(confirmed["size"], "6");
        assert_eq!(confirmed["content_type"], "image/png");

        let gone = json!({"object_name": name, "stage": "STAGE_DRAFT"});
        let failure = front
            .call(&server, "download-url", gone)
            .await
            .expect_err("the draft is gone");
        failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        let issued = front
            .call(&server, "download-url", json!({ "object_name": name }))
            .await
            .expect("issued");
        assert_eq!(issued["etag"], confirmed["etag"]);
        let answer = download(&issued).await;
        assert_eq!(answer.headers()["x-amz-meta-author"], "Ada");
        assert_eq!(answer.headers()["content-type"], "image/png");
        assert_eq!(answer.text().await.expect("text"), "pixels");
    }
}

#[tokio::test]
async fn confirm_twice_is_idempotent() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let request = json!({ "object_name": name });
        let first = front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        let second = front
            .call(&server, "confirm-upload", request)
            .await
            .expect("confirmed again");
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn hundred_confirms_at_once_have_one_effect() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let confirms = (0..100).map(|_| front.call(&server, "confirm-upload", json!({ "object_name": name })));
        let answers = join_all(confirms).await;
        let first = answers[0].as_ref().expect("confirmed");
        assert!(answers.iter().all(|answer| answer.as_ref() == Ok(first)), "{answers:?}");
    }
}

#[tokio::test]
async fn another_object_in_main_stays() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({ "object_name": name });
        draft(&server, &name, b"first").await;
        front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        draft(&server, &name, b"second").await;
        let failure = front
            .call(&server, "confirm-upload", request)
            .await
            .expect_err("refused");
        failure.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");

        for (stage, bytes) in [("STAGE_MAIN", "first"), ("STAGE_DRAFT", "second")] {
            let request = json!({"object_name": name, "stage": stage});
            let issued = front.call(&server, "download-url", request).await.expect("there");
            assert_eq!(download(&issued).await.text().await.expect("text"), bytes);
        }
    }
}

#[tokio::test]
async fn pin_holds_against_bytes_that_were_swapped() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"inspected").await;
        let request = json!({ "object_name": name });
        let seen = front
            .call(&server, "download-url", request.clone())
            .await
            .expect("there");
        draft(&server, &name, b"swapped").await;

        let pinned = json!({"object_name": name, "if_match": seen["etag"]});
        let failure = front
            .call(&server, "confirm-upload", pinned)
            .await
            .expect_err("refused");
        failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(failure.fields, ["if_match"]);
        let main = json!({"object_name": name, "stage": "STAGE_MAIN"});
        front
            .call(&server, "download-url", main)
            .await
            .expect_err("main is untouched");

        let seen = front.call(&server, "download-url", request).await.expect("there");
        let quoted = format!("\"{}\"", seen["etag"].as_str().expect("an ETag"));
        let pinned = json!({"object_name": name, "if_match": quoted});
        front.call(&server, "confirm-upload", pinned).await.expect("confirmed");
    }
}

#[tokio::test]
async fn draft_that_never_was_is_not_found() {
    let server = Server::start();
    for front in FRONTS {
        let failure = front
            .call(&server, "confirm-upload", json!({"object_name": "none"}))
            .await
            .expect_err("none");
        failure.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
    }
}

#[tokio::test]
async fn confirmed_objects_and_drafts_survive_a_restart() {
    let server = Server::start();
    draft(&server, "kept", b"kept").await;
    draft(&server, "open", b"open").await;
    FRONTS[0]
        .call(&server, "confirm-upload", json!({"object_name": "kept"}))
        .await
        .expect("confirmed");
    let data_dir = server.stop_and_keep_data();

    let server = Server::start_in(data_dir.path(), &[]);
    for front in FRONTS {
        for (name, stage) in [("kept", "STAGE_MAIN"), ("open", "STAGE_DRAFT")] {
            let issued = front
                .call(&server, "download-url", json!({ "object_name": name }))
                .await
                .expect("there");
            assert_eq!(issued["stage"], stage);
            assert_eq!(download(&issued).await.text().await.expect("text"), name);
        }
    }
}
