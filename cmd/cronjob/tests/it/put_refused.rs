//! A proxy that refuses every PUT with 403, and forwards all other requests to a store.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/xml\r\ncontent-length: 41\r\n\
                         connection: close\r\n\r\n<Error><Code>AccessDenied</Code></Error>\n";

/// Starts the proxy, and returns its address.
pub(crate) async fn proxy(store: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, store));
        }
    });
    address
}

async fn pass(client: TcpStream, store: SocketAddr) {
    let (mut from_client, mut to_client) = client.into_split();
    let store = TcpStream::connect(store).await.expect("the store listens");
    let (mut from_store, mut to_store) = store.into_split();
    let mut buffer = vec![0; 64 * 1024];
    // The client waits for each response, so every request begins in a read of its own.
    let mut responses = vec![0; 64 * 1024];
    loop {
        tokio::select! {
            sent = from_client.read(&mut buffer) => match sent {
                Ok(read @ 1..) if !buffer[..read].starts_with(b"PUT ") => {
                    to_store.write_all(&buffer[..read]).await.expect("the store reads");
                }
                Ok(1..) => {
                    // The client may have disconnected.
                    let _ = to_client.write_all(REFUSAL).await;
                    return;
                }
                Ok(0) | Err(_) => return,
            },
            received = from_store.read(&mut responses) => match received {
                Ok(read @ 1..) if to_client.write_all(&responses[..read]).await.is_ok() => {}
                Ok(_) | Err(_) => return,
            },
        }
    }
}
