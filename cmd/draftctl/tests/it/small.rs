use draftstore_storage::Operation;
use draftstore_testing::key;
use serde_json::json;

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn small_file_is_one_request_with_all_attributes() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("été 1+1.txt", "hello");
    let arguments = [
        "--content-type",
        "text/plain",
        "--metadata",
        "author=ada",
        "--metadata",
        "a=b=c",
    ];
    let uploaded = user.json(["upload", text(&file)].into_iter().chain(arguments));
    assert_eq!(
        uploaded,
        json!({
            "file": text(&file), "object_name": "été 1+1.txt", "etag": "5d41402abc4b2a76b9719d911017c592",
            "size": "5", "sent": "5", "resumed": "0",
        })
    );
    let sizes: Vec<_> = server
        .requests_of(Operation::PutObject)
        .iter()
        .map(|put| put.bytes)
        .collect();
    assert!(sizes.ends_with(&[5]), "{sizes:?}");

    let mut draft = user.json(["inspect", "été 1+1.txt"]);
    let expires_at = draft.as_object_mut().expect("an object").remove("expires_at");
    assert!(expires_at.expect("a time").as_str().expect("text").ends_with('Z'));
    assert_eq!(
        draft,
        json!({
            "object_name": "été 1+1.txt", "etag": "5d41402abc4b2a76b9719d911017c592", "size": "5",
            "content_type": "text/plain", "checksum_sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
            "metadata": {"author": "ada", "a": "b=c"}, "dropped": {}, "tags": {}, "legal_hold": false,
            "state": "DRAFT_STATE_UPLOADED",
        })
    );
    assert!(user.state_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_file_is_uploaded_and_confirmed_with_the_given_name() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("empty", "");
    let uploaded = user.json(["upload", text(&file), "--name", "some/where", "--unique", "--confirm"]);
    assert!(uploaded["draft_id"].is_string(), "{uploaded}");
    assert_eq!(uploaded["confirmed"]["final_location"], "files/some/where");
    assert_eq!(uploaded["confirmed"]["replayed"], false);
    assert_eq!(server.world.main_bytes(&key("some/where")).await, Some(Vec::new()));
    assert!(user.state_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_several_files_has_a_result() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let files: Vec<_> = (0..9)
        .map(|n| user.file(&format!("f{n}"), format!("bytes {n}")))
        .collect();
    let missing = user.path("missing");
    let all = files.iter().chain([&missing]).map(|file| text(file));
    let ended = user.run(["upload", "--confirm", "--json"].into_iter().chain(all));
    assert_eq!(ended.status, 8, "{ended:?}");
    let mut names: Vec<_> = ended
        .results()
        .iter()
        .map(|result| result["confirmed"]["final_location"].as_str().expect("text").to_owned())
        .collect();
    names.sort();
    let expected: Vec<_> = (0..9).map(|n| format!("files/f{n}")).collect();
    assert_eq!(names, expected);
    let [failure] = &ended.failures()[..] else {
        panic!("{ended:?}");
    };
    assert_eq!(
        (&failure["file"], &failure["exit_status"]),
        (&json!(text(&missing)), &json!(1))
    );
    for n in 0..9 {
        let bytes = server.world.main_bytes(&key(&format!("f{n}"))).await;
        assert_eq!(bytes, Some(format!("bytes {n}").into_bytes()));
    }
}
