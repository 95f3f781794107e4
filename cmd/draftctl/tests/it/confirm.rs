use draftstore_testing::key;

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn draft_is_confirmed_with_another_name_and_every_condition() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    let uploaded = user.json(["upload", text(&file), "--unique"]);
    let field = |name: &str| uploaded[name].as_str().expect("text");
    let mut arguments = vec![
        "confirm",
        "file",
        "--draft-id",
        field("draft_id"),
        "--destination",
        "kept/here",
    ];
    arguments.extend([
        "--if-match",
        field("etag"),
        "--content-length",
        "5",
        "--idempotency-key",
        "k",
    ]);
    arguments.extend(["--checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="]);
    let confirmed = user.json(&arguments);
    assert_eq!(
        (&confirmed["final_location"], &confirmed["size"], &confirmed["replayed"]),
        (&"files/kept/here".into(), &"5".into(), &false.into())
    );
    assert_eq!(user.json(&arguments)["replayed"], true);
    assert_eq!(
        server.world.main_bytes(&key("kept/here")).await,
        Some(b"hello".to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_object_is_replaced_only_with_overwrite() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let upload = |bytes: &str, more: &[&str]| {
        let file = user.file("file", bytes);
        let arguments = ["upload", text(&file), "--confirm", "--json"].into_iter();
        user.run(arguments.chain(more.iter().copied()))
    };
    assert_eq!(upload("one", &[]).status, 0);
    let rejected = upload("two", &[]);
    assert_eq!(rejected.status, 4, "{rejected:?}");
    assert_eq!(rejected.failures()[0]["reason"], "OBJECT_ALREADY_EXISTS");
    // The state file says that the draft is uploaded: nothing is sent again.
    let replaced = upload("two", &["--overwrite"]);
    assert_eq!(replaced.status, 0, "{replaced:?}");
    assert_eq!(server.world.main_bytes(&key("file")).await, Some(b"two".to_vec()));
    assert!(user.state_files().is_empty());

    let replaced = user.file("file", "three");
    user.json(["upload", text(&replaced)]);
    let wrong = user.run(["confirm", "file", "--overwrite", "--overwrite-if-match", "0123"]);
    assert_eq!(wrong.status, 5, "{wrong:?}");
    let etag = main_etag(&user);
    user.json(["confirm", "file", "--overwrite", "--overwrite-if-match", &etag]);
    assert_eq!(server.world.main_bytes(&key("file")).await, Some(b"three".to_vec()));
}

/// Returns the ETag of the object in the main bucket.
fn main_etag(user: &TestUser) -> String {
    let downloaded = user.json(["download", "file", "--stage", "main", "-o", "main"]);
    downloaded["etag"].as_str().expect("text").to_owned()
}
