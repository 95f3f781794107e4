//! The call that restores archived objects.

use serde_json::json;
use tonic::Code;

use crate::front::{FRONTS, download, draft};
use crate::server::Server;

#[tokio::test]
async fn archived_object_is_restored_and_read() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let confirm = json!({"object_name": name, "storage_options": {"storage_class": "GLACIER"}});
        front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        let get = json!({ "object_name": name });
        let described = front.call(&server, "get-object", get.clone()).await.expect("described");
        assert_eq!(described["archive"]["is_restoring"], false);
        assert_eq!(described["archive"].get("readable_until"), None);
        let copy = json!({"object_name": name, "destination_name": front.name("b")});
        let refused = front
            .call(&server, "copy-object", copy.clone())
            .await
            .expect_err("archived");
        refused.assert(409, Code::FailedPrecondition, "OBJECT_ARCHIVED");
        let url = json!({ "object_name": name });
        let refused = front
            .call(&server, "download-url", url.clone())
            .await
            .expect_err("archived");
        refused.assert(409, Code::FailedPrecondition, "OBJECT_ARCHIVED");

        let restore = json!({"object_name": name, "days": 2, "tier": "RESTORE_TIER_BULK"});
        for _ in ["first", "repeat"] {
            let answer = front
                .call(&server, "restore-object", restore.clone())
                .await
                .expect("restored");
            let until = answer["archive"]["readable_until"].as_str();
            assert!(until.is_some_and(|until| until.ends_with('Z')), "{answer}");
        }
        let described = front.call(&server, "get-object", get).await.expect("described");
        assert!(described["archive"]["readable_until"].is_string(), "{described}");
        front.call(&server, "copy-object", copy).await.expect("copied");
        let issued = front.call(&server, "download-url", url).await.expect("issued");
        assert_eq!(download(&issued).await.text().await.expect("text"), "bytes");
    }
}

#[tokio::test]
async fn restore_in_progress_is_answered_until_it_ends() {
    let server = Server::start_with(&[("EMBEDDED_RESTORE_WAIT", "3600")]);
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let confirm = json!({"object_name": name, "storage_options": {"storage_class": "DEEP_ARCHIVE"}});
        front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        let restore = json!({"object_name": name, "days": 1});
        for _ in ["first", "repeat"] {
            let answer = front
                .call(&server, "restore-object", restore.clone())
                .await
                .expect("begun");
            assert_eq!(answer["archive"]["is_restoring"], true);
            assert_eq!(answer["archive"].get("readable_until"), None);
        }
    }
}

#[tokio::test]
async fn object_in_no_archive_needs_no_restore_and_bad_fields_are_named() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let absent = front
            .call(&server, "restore-object", json!({"object_name": name, "days": 1}))
            .await;
        absent
            .expect_err("absent")
            .assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        draft(&server, &name, b"bytes").await;
        front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await
            .expect("confirmed");
        let restore = json!({"object_name": name, "days": 1});
        let answer = front.call(&server, "restore-object", restore).await.expect("readable");
        assert_eq!(answer.get("archive"), None);
        let described = front.call(&server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(described.expect("described").get("archive"), None);
        for days in [0, -1, 366] {
            let bad = json!({"object_name": "", "days": days});
            let refused = front.call(&server, "restore-object", bad).await.expect_err("invalid");
            assert_eq!(refused.fields, ["object_name", "days"]);
        }
    }
}
