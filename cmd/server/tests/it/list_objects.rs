use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, draft};
use crate::server::Server;

async fn names(front: Front, server: &Server, prefix: Option<&str>) -> Vec<String> {
    let (mut listed, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"page_size": 2, "page_token": token, "prefix": prefix});
        let page = front.call(server, "list-objects", request).await.expect("listed");
        let objects = page["objects"].as_array().expect("objects");
        assert!(objects.len() <= 2);
        for object in objects {
            assert_eq!(object["size"], "5");
            assert!(object["confirmed_at"].as_str().expect("a time").ends_with('Z'));
            listed.push(object["object_name"].as_str().expect("a name").to_owned());
        }
        match page.get("next_page_token") {
            Some(next) => token = next.clone(),
            None => return listed,
        }
    }
}

#[tokio::test]
async fn confirmed_objects_only_are_listed_in_pages() {
    let server = Server::start();
    for front in FRONTS {
        assert_eq!(names(front, &server, Some("nobody")).await, Vec::<String>::new());
        let all = ["a b+c%20.txt", "deep/1.txt", "deep/2.txt", "deep/é.txt", "z"].map(|name| front.name(name));
        let mut etag = Value::Null;
        for name in &all {
            draft(&server, name, b"hello").await;
            let confirm = json!({ "object_name": name });
            let confirmed = front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
            etag = confirmed["etag"].clone();
        }
        draft(&server, &front.name("deep/not confirmed"), b"hello").await;
        assert_eq!(names(front, &server, Some(&front.name(""))).await, all);
        assert_eq!(names(front, &server, Some(&front.name("deep/"))).await, all[1..4]);
        assert_eq!(names(front, &server, Some(&all[0])).await, all[..1]);
        let request = json!({"prefix": all[4]});
        let page = front.call(&server, "list-objects", request).await.expect("listed");
        assert_eq!(page["objects"][0]["etag"], etag);
    }
    let all = names(Front::Rest, &server, None).await;
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted(), "{all:?}");
}

#[tokio::test]
async fn invalid_pages_name_the_field() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"page_size": 1001, "page_token": "", "prefix": "é".repeat(513)});
        let failure = front.call(&server, "list-objects", request).await.expect_err("refused");
        failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(failure.fields, ["page_size", "page_token", "prefix"]);
    }
}
