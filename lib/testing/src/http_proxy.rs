//! An HTTP proxy for tests, behind which one server has every name.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A proxy that connects to one server whatever host is asked for, and keeps the first line of each connection.
#[derive(Debug)]
pub struct HttpProxy {
    /// The URL of the proxy.
    pub url: String,
    lines: Arc<Mutex<Vec<String>>>,
    _accepting: AbortOnDropHandle<()>,
}

impl HttpProxy {
    /// Starts a proxy on a free port of loopback.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let accepting = async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server, Arc::clone(&kept)));
            }
        };
        Self {
            url,
            lines,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
        }
    }

    /// Returns the first line of every connection so far, such as `CONNECT store.example:443 HTTP/1.1`.
    ///
    /// # Panics
    /// If another thread has panicked meanwhile.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("not poisoned").clone()
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr, lines: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if !matches!(client.read_buf(&mut head).await, Ok(1..)) {
            return;
        }
    }
    let line = String::from_utf8_lossy(&head)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let is_tunnel = line.starts_with("CONNECT ");
    lines.lock().expect("not poisoned").push(line);
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let sent = if is_tunnel {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await
    } else {
        // A server accepts the absolute form of the target too.
        server.write_all(&head).await
    };
    if sent.is_ok() {
        // Either side may close the connection.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
