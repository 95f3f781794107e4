//! Stands before a store, and answers some requests itself.

use std::net::Ipv4Addr;
use std::sync::Arc;

use draftstore_s3::{S3Storage, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use draftstore_testing::{TestBuckets, connect, settings};

use crate::canned::say;

/// Returns the gate's response to a request with this head, or `None` where it lets it through.
pub(crate) type Answers = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A client of the world's store through a gate.
pub(crate) async fn through(world: &TestBuckets, answers: Answers) -> S3Storage {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let store = world.endpoint.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, store.clone(), answers.clone()));
        }
    });
    let settings = Settings {
        endpoint: Some(url),
        ..settings(&world.endpoint)
    };
    connect(settings).await
}

/// One request for each connection, so that every head is seen.
async fn pass(mut client: TcpStream, store: String, answers: Answers) {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") {
            break end;
        }
        if !matches!(client.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    if let Some(answer) = answers(&head) {
        return say(&mut client, &answer).await;
    }
    let mut store = TcpStream::connect(store).await.expect("the store is there");
    request.splice(end..end, *b"\r\nconnection: close");
    // Whichever side ends first ends both.
    if store.write_all(&request).await.is_ok() {
        drop(copy_bidirectional(&mut client, &mut store).await);
    }
}
