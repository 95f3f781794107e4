use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, draft};
use crate::server::Server;

#[tokio::test]
async fn each_object_of_a_batch_has_its_outcome() {
    let server = Server::start();
    for front in FRONTS {
        for name in ["a", "b"] {
            draft(&server, &front.name(name), b"kept").await;
            let confirm = json!({ "object_name": front.name(name) });
            front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        }
        let request = json!({"objects": [
            {"object_name": front.name("a")},
            {"object_name": front.name("b"), "if_match": "00000000000000000000000000000000"},
            {"object_name": front.name("none")},
            {"object_name": "/"},
        ]});
        let answer = front.call(&server, "delete-objects", request).await.expect("an answer");
        assert_eq!(answer["success"], false);
        let outcomes = answer["outcomes"].as_array().expect("outcomes");
        assert_eq!(outcomes[0]["deleted"]["deleted"], true);
        let [other, invalid] = [1, 3].map(|place| &outcomes[place]["error"]);
        assert_eq!(
            (&other["reason"], &other["http_status"]),
            (&json!("PIN_MISMATCH"), &json!(412))
        );
        assert_eq!(outcomes[2]["deleted"]["deleted"], false);
        assert_eq!(invalid["reason"], "INVALID_REQUEST");
        let list = json!({"prefix": front.name("")});
        let left = front.call(&server, "list-objects", list).await.expect("listed");
        assert_eq!(left["objects"].as_array().expect("objects").len(), 1);
        assert_eq!(left["objects"][0]["object_name"], front.name("b"));
        let request = json!({"objects": [{"object_name": front.name("b")}]});
        let answer = front.call(&server, "delete-objects", request).await.expect("an answer");
        assert_eq!(answer["success"], true);
    }
}

#[tokio::test]
async fn batch_has_a_thousand_objects_at_most_and_none_twice() {
    let server = Server::start();
    let batch = |names: Vec<String>| {
        let objects: Vec<Value> = names.iter().map(|name| json!({ "object_name": name })).collect();
        json!({ "objects": objects })
    };
    let numbered = |count: usize| (0..count).map(|number| format!("{number}")).collect::<Vec<_>>();
    for front in FRONTS {
        let answer = front.call(&server, "delete-objects", batch(numbered(1000))).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer["outcomes"].as_array().expect("outcomes").len(), 1000);
        for (names, field) in [
            (numbered(0), "objects"),
            (numbered(1001), "objects"),
            (vec!["a".to_owned(), "b".to_owned(), "a".to_owned()], "objects[2]"),
        ] {
            let failure = front
                .call(&server, "delete-objects", batch(names))
                .await
                .expect_err("invalid");
            failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(failure.fields, [field]);
        }
    }
}
