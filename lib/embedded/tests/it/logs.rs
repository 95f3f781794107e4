//! No signature, secret or presigned URL is logged, at any level.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};

use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{BUCKET, client, for_an_hour, start};

/// A buffer of everything that the subscribed threads log.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The client is a plain socket on another thread, because HTTP client libraries log signatures themselves.
#[test]
fn signatures_and_secrets_are_not_logged_at_trace() {
    // With a single subscriber, tracing caches the interest of whichever thread reaches a callsite first, and the thread of
    // another test has none.
    let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    let log = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    let dir = tempfile::TempDir::new().unwrap();
    let data_dir = dir.path().to_owned();
    let (started_sender, started) = mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        tracing::subscriber::with_default(subscriber, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (store, credentials) = start(&data_dir).await;
                started_sender.send((store.endpoint(), credentials)).unwrap();
                ended.await.unwrap();
                store.shutdown().await;
            });
        });
    });
    let (endpoint, credentials) = started.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (put, get) = runtime.block_on(async {
        let s3 = client(&endpoint, &credentials);
        s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        let put = s3
            .put_object()
            .bucket(BUCKET)
            .key("the-key")
            .presigned(for_an_hour())
            .await
            .unwrap();
        (
            put,
            s3.get_object()
                .bucket(BUCKET)
                .key("the-key")
                .presigned(for_an_hour())
                .await
                .unwrap(),
        )
    });
    let host = endpoint.strip_prefix("http://").unwrap();
    let send = |method: &str, url: &str| {
        let target = url.strip_prefix(&endpoint).unwrap();
        let mut socket = TcpStream::connect(host).unwrap();
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        response.lines().next().unwrap_or_default().to_owned()
    };
    assert!(send("PUT", put.uri()).contains("200"));
    assert!(send("GET", get.uri()).contains("200"));
    assert!(send("GET", &get.uri().replace("the-key", "another-key")).contains("403"));
    end.send(()).unwrap();
    server.join().unwrap();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("the-key") && logged.contains("another-key"),
        "requests are logged: {logged}"
    );
    assert!(!logged.to_ascii_lowercase().contains("x-amz-signature"), "{logged}");
    assert!(!logged.contains(&credentials.secret_access_key), "{logged}");
    for url in [put.uri(), get.uri()] {
        let signature = url.split("X-Amz-Signature=").nth(1).unwrap().split('&').next().unwrap();
        assert!(!logged.contains(signature), "{logged}");
    }
}
