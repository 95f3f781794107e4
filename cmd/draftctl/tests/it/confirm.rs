use draftstore_testing::key;

use crate::ground::Ground;
use crate::program::{User, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_confirmed_under_another_name_with_every_pin() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
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
        ground.world.main_bytes(&key("kept/here")).await,
        Some(b"hello".to_vec())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn main_is_replaced_only_if_that_was_asked_for() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let upload = |bytes: &str, more: &[&str]| {
        let file = user.file("file", bytes);
        let arguments = ["upload", text(&file), "--confirm", "--json"].into_iter();
        user.run(arguments.chain(more.iter().copied()))
    };
    assert_eq!(upload("one", &[]).status, 0);
    let refused = upload("two", &[]);
    assert_eq!(refused.status, 4, "{refused:?}");
    assert_eq!(refused.failures()[0]["reason"], "OBJECT_ALREADY_EXISTS");
    // It is remembered that the draft is there: nothing is sent again.
    let replaced = upload("two", &["--overwrite"]);
    assert_eq!(replaced.status, 0, "{replaced:?}");
    assert_eq!(ground.world.main_bytes(&key("file")).await, Some(b"two".to_vec()));
    assert!(user.remembered().is_empty());

    let replaced = user.file("file", "three");
    user.json(["upload", text(&replaced)]);
    let wrong = user.run(["confirm", "file", "--overwrite", "--overwrite-if-match", "0123"]);
    assert_eq!(wrong.status, 5, "{wrong:?}");
    let etag = main_etag(&user);
    user.json(["confirm", "file", "--overwrite", "--overwrite-if-match", &etag]);
    assert_eq!(ground.world.main_bytes(&key("file")).await, Some(b"three".to_vec()));
}

/// The `ETag` of what main holds.
fn main_etag(user: &User) -> String {
    let downloaded = user.json(["download", "file", "--stage", "main", "-o", "main"]);
    downloaded["etag"].as_str().expect("text").to_owned()
}
