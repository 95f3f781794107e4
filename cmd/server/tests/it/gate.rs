//! A proxy in front of a store that can hold copies back.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A TCP proxy. While it is shut, it holds copies back and forwards everything else.
pub(crate) struct Gate {
    /// The address of the proxy.
    pub(crate) address: SocketAddr,
    held: watch::Receiver<bool>,
    is_open: watch::Sender<bool>,
}

impl Gate {
    /// Starts a proxy in front of the store at this address.
    pub(crate) async fn before(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (holding, held) = watch::channel(false);
        let (is_open, opened) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, store, holding.clone(), opened.clone()));
            }
        });
        Self { address, held, is_open }
    }

    /// Holds copies back from now on. It is open at first, because the probe at the server's start also copies.
    pub(crate) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Waits until a copy is held back.
    pub(crate) async fn holds_a_copy(&mut self) {
        self.held.wait_for(|held| *held).await.expect("the gate is there");
    }

    /// Forwards everything from now on.
    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn pass(client: TcpStream, store: SocketAddr, holding: watch::Sender<bool>, mut opened: watch::Receiver<bool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let store = TcpStream::connect(store).await.expect("the store listens");
    let (mut from_store, mut to_store) = store.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_store, &mut to_client).await });
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        let bytes = &buffer[..read];
        if !*opened.borrow() && bytes.windows(COPY.len()).any(|window| window == COPY) {
            holding.send_replace(true);
            opened.wait_for(|open| *open).await.expect("the gate is there");
        }
        if to_store.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// The header that makes a PUT a copy. Clients send the head of a request in one write.
const COPY: &[u8] = b"x-amz-copy-source:";
