//! What SIGTERM waits for.

use std::io::Write as _;
use std::net::TcpStream;

use draftstore_testing::{World, key};
use serde_json::json;

use crate::gate::Gate;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_a_confirm_whose_caller_has_gone_away() {
    let world = World::embedded().await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let mut gate = Gate::before(store.parse().expect("an address")).await;
    let server = Server::start_with(&[
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &format!("http://{}", gate.address)),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
    ]);
    world.draft("a", "bytes").await;
    gate.shut();

    let body = json!({"object_name": "a"}).to_string();
    let mut caller = TcpStream::connect(&server.http).expect("connects");
    let length = body.len();
    write!(
        caller,
        "POST /api/v1/confirm-upload HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    gate.holds_a_copy().await;
    drop(caller);
    server.signal("TERM");
    while TcpStream::connect(&server.http).is_ok() {}
    gate.open();

    let (status, log) = server.stopped();
    assert!(status.success(), "{log}");
    assert_eq!(world.main_bytes(&key("a")).await.as_deref(), Some(&b"bytes"[..]));
    assert_eq!(
        world.draft_keys().await,
        Vec::<String>::new(),
        "its last step was done too"
    );
}
