//! A server that says what it is told to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use draftstore_s3::{S3Storage, Settings, StaticCredentials, Timeouts};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use tokio::net::{TcpListener, TcpStream};

use draftstore_testing::connect;

/// Gives its answers one after the other, and the last one again and again.
pub(crate) struct Canned {
    pub(crate) storage: S3Storage,
    asked: Arc<AtomicUsize>,
}

impl Canned {
    pub(crate) async fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let turn = count.fetch_add(1, Ordering::SeqCst);
                let answer = answers[turn.min(answers.len() - 1)].clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
                            return;
                        }
                    }
                    if answer == SILENCE {
                        return std::future::pending().await;
                    }
                    say(&mut connection, &answer).await;
                });
            }
        });
        Self {
            storage: connect(settings(url)).await,
            asked,
        }
    }

    /// How many requests there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers, and hears the rest of the request out: what a closed connection finds unread takes the answer with it.
pub(crate) async fn say(connection: &mut TcpStream, answer: &str) {
    if connection.write_all(answer.as_bytes()).await.is_ok() && connection.shutdown().await.is_ok() {
        drop(copy(connection, &mut sink()).await);
    }
}

/// Not an answer: the connection stays open.
pub(crate) const SILENCE: &str = "silence";

/// Not an answer either: the connection is closed.
pub(crate) const HANG_UP: &str = "";

pub(crate) fn settings(url: String) -> Settings {
    let timeouts = Timeouts {
        connect: Duration::from_secs(1),
        attempt: Duration::from_millis(200),
        call: Duration::from_secs(5),
        copy: Duration::from_millis(200),
    };
    let credentials = Some(StaticCredentials::new("AKID", "hush"));
    Settings {
        endpoint: Some(url),
        credentials,
        timeouts,
        ..Settings::new("us-east-1")
    }
}

pub(crate) fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn error(status: &str, code: &str) -> String {
    answer(
        status,
        &format!("<Error><Code>{code}</Code><Message>said the store</Message></Error>"),
    )
}
