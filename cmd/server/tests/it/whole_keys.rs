//! Tests of unique drafts by their key in the store, which is all that some upload clients report.

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, download, upload};
use crate::server::Server;

/// Uploads a unique draft, and returns its key and its ID.
async fn unique(front: Front, server: &Server, name: &str) -> (String, String) {
    let request = json!({"object_name": name, "unique": true});
    let issued = front.call(server, "upload-url", request).await.expect("issued");
    assert_eq!(upload(&issued, "hello").await, 200);
    let id = issued["draft_id"].as_str().expect("an ID").to_owned();
    let request = json!({"object_name": name, "unique": true, "max_content_length": 1});
    let form = front.call(server, "upload-url", request).await.expect("issued");
    let (other, key) = (&form["draft_id"], &form["fields"]["key"]);
    let (other, key) = (other.as_str().expect("an ID"), key.as_str().expect("a key"));
    let shard = &key[".drafts/".len()..][..2];
    assert_eq!(key, format!(".drafts/{shard}/{other}/{name}"));
    // The shard is two hex digits of the ID. The server chooses which ones.
    let low = |id: &str| {
        let value = |c: u8| {
            let alphabet = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
            alphabet
                .iter()
                .position(|known| *known == c)
                .expect("Crockford's base32")
        };
        let digits = id.as_bytes();
        (value(digits[24]) << 5 | value(digits[25])) & 0xff
    };
    assert_eq!(shard, format!("{:02x}", low(other)));
    (format!(".drafts/{:02x}/{id}/{name}", low(&id)), id)
}

#[tokio::test]
async fn key_works_for_every_call_on_a_draft() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("deep/a b+c%20.jpg");
        let (key, id) = unique(front, &server, &name).await;
        let by_key = json!({ "object_name": key });
        let seen = front
            .call(&server, "inspect-draft", by_key.clone())
            .await
            .expect("there");
        assert_eq!((&seen["object_name"], &seen["draft_id"]), (&json!(name), &json!(id)));

        let read = front
            .call(&server, "download-url", by_key.clone())
            .await
            .expect("there");
        assert_eq!(
            (&read["object_name"], &read["stage"]),
            (&json!(name), &json!("STAGE_DRAFT"))
        );
        assert_eq!(download(&read).await.text().await.expect("text"), "hello");

        let both = json!({"object_name": key, "draft_id": id});
        let confirmed = front.call(&server, "confirm-upload", both).await.expect("confirmed");
        assert_eq!(confirmed["final_location"], format!("main/{name}"));
        let again = front
            .call(&server, "confirm-upload", by_key)
            .await
            .expect("confirmed again");
        assert_eq!((&again["etag"], &again["replayed"]), (&confirmed["etag"], &json!(true)));

        let (key, _) = unique(front, &server, &name).await;
        let renamed = json!({"object_name": key, "destination_name": front.name("avatar.jpg")});
        let confirmed = front.call(&server, "confirm-upload", renamed).await.expect("confirmed");
        assert_eq!(
            confirmed["final_location"],
            format!("main/{}", front.name("avatar.jpg"))
        );

        let (key, _) = unique(front, &server, &name).await;
        for discarded in [true, false] {
            let request = json!({ "object_name": key });
            let answer = front.call(&server, "discard-draft", request).await.expect("discarded");
            assert_eq!(answer["discarded"], discarded);
        }
    }
}

#[tokio::test]
async fn batch_detects_a_key_and_an_id_of_the_same_draft() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("file.jpg");
        let (key, id) = unique(front, &server, &name).await;
        let (by_key, by_id) = (
            json!({"object_name": key}),
            json!({"object_name": name, "draft_id": id}),
        );
        for atomic in [false, true] {
            let request = json!({"uploads": [by_key, by_id], "atomic": atomic});
            let failure = front
                .call(&server, "confirm-uploads", request)
                .await
                .expect_err("one twice");
            assert_eq!(failure.fields, ["uploads[1]"]);
        }
        let (other, _) = unique(front, &server, &front.name("other.jpg")).await;
        let request = json!({"uploads": [by_key, {"object_name": other}], "atomic": true});
        let answer = front
            .call(&server, "confirm-uploads", request)
            .await
            .expect("confirmed");
        assert_eq!(answer["success"], true);
        let kept = &answer["outcomes"][1]["confirmed"]["final_location"];
        assert_eq!(kept, &json!(format!("main/{}", front.name("other.jpg"))));
    }
}

#[tokio::test]
async fn invalid_keys_are_refused_and_names_cannot_be_keys() {
    let server = Server::start();
    for front in FRONTS {
        let (key, id) = unique(front, &server, &front.name("a")).await;
        let (_, other) = unique(front, &server, &front.name("b")).await;
        let shard = if key.starts_with(".drafts/00") { "01" } else { "00" };
        for (request, field) in [
            (json!({"object_name": key, "draft_id": other}), "draft_id"),
            (json!({"object_name": key, "draft_id": "nonsense"}), "draft_id"),
            (
                json!({"object_name": format!(".drafts/{shard}/{id}/{}", front.name("a"))}),
                "object_name",
            ),
            (json!({"object_name": format!("{key}/../../x")}), "object_name"),
            (
                json!({"object_name": ".drafts/settled/01J00000000000000000000000"}),
                "object_name",
            ),
            (json!({"object_name": ".drafts/"}), "object_name"),
        ] {
            for route in ["confirm-upload", "inspect-draft", "discard-draft", "download-url"] {
                let failure = front.call(&server, route, request.clone()).await.expect_err("refused");
                failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(failure.fields, [field], "{route}: {request}");
            }
        }
        let refused: [(&str, Value); 2] = [
            ("upload-url", json!({ "object_name": key })),
            ("confirm-upload", json!({"object_name": "a", "destination_name": key})),
        ];
        for (route, request) in refused {
            let failure = front.call(&server, route, request).await.expect_err("refused");
            failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        }
    }
}
