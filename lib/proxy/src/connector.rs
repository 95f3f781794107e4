//! The connector of HTTP clients: directly, by a proxy that forwards requests, or through a tunnel.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::{Proxies, port};

/// The reason why there is no connection.
pub type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the host of a URL, through its proxy if it has one. TLS is the caller's.
#[derive(Debug, Clone)]
pub struct Connector {
    direct: HttpConnector,
    proxies: Proxies,
    tunnels_http: bool,
}

impl Connector {
    /// Creates a connector for HTTP/1.1. A proxy forwards requests to `http` URLs, for which the client has to send
    /// `Proxy-Authorization`, and tunnels those to `https` URLs.
    pub fn forwarding(proxies: Proxies) -> Self {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_nodelay(true);
        Self {
            direct,
            proxies,
            tunnels_http: false,
        }
    }

    /// Creates a connector for HTTP/2, which no proxy forwards: all requests are tunnelled.
    pub fn tunnelling(proxies: Proxies) -> Self {
        Self {
            tunnels_http: true,
            ..Self::forwarding(proxies)
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Connection;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Connection, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut direct = self.direct.clone();
        let Some(proxy) = self.proxies.proxy_for(&uri).cloned() else {
            let connecting = direct.call(uri);
            return Box::pin(async move { Ok(Connection::new(connecting.await?, false)) });
        };
        if uri.scheme_str() == Some("http") && !self.tunnels_http {
            let connecting = direct.call(proxy.uri);
            return Box::pin(async move { Ok(Connection::new(connecting.await?, true)) });
        }
        let mut tunnel = Tunnel::new(proxy.uri.clone(), direct);
        if let Some(authorization) = proxy.authorization() {
            tunnel = tunnel.with_auth(authorization);
        }
        Box::pin(async move {
            // A tunnel does not know the default port of `http`.
            let host = uri.host().unwrap_or_default();
            let destination: Uri = format!("http://{host}:{}", port(&uri)).parse()?;
            Ok(Connection::new(tunnel.call(destination).await?, false))
        })
    }
}

/// A connection to a host or to its proxy.
pub struct Connection {
    stream: TokioIo<TcpStream>,
    is_forwarded: bool,
}

impl Connection {
    fn new(stream: TokioIo<TcpStream>, is_forwarded: bool) -> Self {
        Self { stream, is_forwarded }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("is_forwarded", &self.is_forwarded)
            .finish_non_exhaustive()
    }
}

impl hyper_util::client::legacy::connect::Connection for Connection {
    fn connected(&self) -> Connected {
        // The client then sends requests in absolute form.
        self.stream.connected().proxy(self.is_forwarded)
    }
}

impl Read for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, buffers)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn tunnels_name_the_port_of_the_scheme_and_the_user() {
        for (url, connector, line) in [
            (
                "https://store.example/a",
                "forwarding",
                "CONNECT store.example:443 HTTP/1.1",
            ),
            (
                "http://store.example/a",
                "tunnelling",
                "CONNECT store.example:80 HTTP/1.1",
            ),
            (
                "http://store.example:50051",
                "tunnelling",
                "CONNECT store.example:50051 HTTP/1.1",
            ),
        ] {
            let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = proxy.local_addr().expect("bound");
            let (proxies, _) =
                Proxies::from_variables(|name| (name == "ALL_PROXY").then(|| format!("http://me:hush@{address}")));
            let mut connector = match connector {
                "forwarding" => Connector::forwarding(proxies),
                _ => Connector::tunnelling(proxies),
            };
            let accept = async {
                let (mut connection, _) = proxy.accept().await.expect("a connection");
                let mut request = vec![0; 4096];
                let len = connection.read(&mut request).await.expect("a request");
                connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("sent");
                String::from_utf8_lossy(&request[..len]).into_owned()
            };
            let (connected, request) = tokio::join!(connector.call(url.parse().expect("a URL")), accept);
            assert!(!connected.expect("connected").is_forwarded);
            assert_eq!(request.lines().next(), Some(line));
            assert!(request.contains("Proxy-Authorization: Basic bWU6aHVzaA=="), "{request}");
        }
    }
}
