//! The connector of HTTP clients: directly, by a proxy that forwards requests, or through a tunnel.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::{Proxies, port};

/// The reason why there is no connection.
pub type ConnectError = Box<dyn std::error::Error + Send + Sync>;

/// A rule for the addresses that may be connected to for a URL.
pub type AddressRule = fn(&Uri, IpAddr) -> bool;

/// Connects to the host of a URL, through its proxy if it has one. TLS is the caller's.
#[derive(Debug, Clone)]
pub struct Connector {
    direct: HttpConnector,
    proxies: Proxies,
    tunnels_http: bool,
    rule: Option<AddressRule>,
}

impl Connector {
    /// Creates a connector for HTTP/1.1. A proxy forwards requests to `http` URLs, for which the client has to send
    /// `Proxy-Authorization`, and tunnels those to `https` URLs.
    pub fn forwarding(proxies: Proxies) -> Self {
        Self {
            direct: with_resolver(GaiResolver::new()),
            proxies,
            tunnels_http: false,
            rule: None,
        }
    }

    /// Connects only to addresses that the rule allows: the address that was checked is the one that is connected to. A host
    /// that is named, and is reached through a proxy, has the address that the proxy finds, which is the proxy's to check.
    #[must_use]
    pub fn restricted(self, rule: AddressRule) -> Self {
        let rule = Some(rule);
        Self { rule, ..self }
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
        // A connector resolves no addresses, so that its resolver does not see them.
        if let (Some(rule), Some(address)) = (self.rule, address(&uri))
            && !rule(&uri, address)
        {
            return Box::pin(async move { Err(refused(&uri)) });
        }
        let Some(proxy) = self.proxies.proxy_for(&uri).cloned() else {
            if let Some(rule) = self.rule {
                let connecting = restricted(GaiResolver::new(), uri.clone(), rule).call(uri);
                return Box::pin(async move { Ok(Connection::new(connecting.await?, false)) });
            }
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

fn with_resolver<R>(resolver: R) -> HttpConnector<R> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// Returns the address that a URL has instead of a name.
fn address(uri: &Uri) -> Option<IpAddr> {
    let host = uri.host()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn refused(uri: &Uri) -> ConnectError {
    let host = uri.host().unwrap_or_default();
    format!("{host} has no address that may be connected to").into()
}

/// Returns a connector to those addresses of a resolver that the rule allows. It connects to what was checked: the name is
/// resolved once.
fn restricted<R>(resolver: R, uri: Uri, rule: AddressRule) -> HttpConnector<RestrictedResolver<R>> {
    with_resolver(RestrictedResolver { resolver, uri, rule })
}

/// A resolver that gives only the addresses that a rule allows.
#[derive(Clone)]
struct RestrictedResolver<R> {
    resolver: R,
    uri: Uri,
    rule: AddressRule,
}

impl<R> Service<Name> for RestrictedResolver<R>
where
    R: Service<Name, Response: Iterator<Item = SocketAddr>, Error: Into<ConnectError>, Future: Unpin>,
{
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ConnectError;
    type Future = Resolving<R::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.resolver.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Resolving {
            lookup: self.resolver.call(name),
            uri: self.uri.clone(),
            rule: self.rule,
        }
    }
}

/// The addresses of a name, once they are known.
struct Resolving<F> {
    lookup: F,
    uri: Uri,
    rule: AddressRule,
}

impl<F, A, E> Future for Resolving<F>
where
    F: Future<Output = Result<A, E>> + Unpin,
    A: Iterator<Item = SocketAddr>,
    E: Into<ConnectError>,
{
    type Output = Result<std::vec::IntoIter<SocketAddr>, ConnectError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let addresses = ready!(Pin::new(&mut self.lookup).poll(context)).map_err(Into::into)?;
        let allowed: Vec<_> = addresses
            .filter(|address| (self.rule)(&self.uri, address.ip()))
            .collect();
        Poll::Ready(if allowed.is_empty() {
            Err(refused(&self.uri))
        } else {
            Ok(allowed.into_iter())
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
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn restricted_connector_refuses_addresses_and_names_without_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let connect = |host: &str, rule: AddressRule| {
            let mut connector = Connector::forwarding(Proxies::default()).restricted(rule);
            connector.call(format!("http://{host}:{port}/").parse().expect("a URL"))
        };
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let error = connect(host, |_, _| false).await.expect_err("refused");
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                text = format!("{text}: {error}");
                source = error.source();
            }
            assert!(text.ends_with("has no address that may be connected to"), "{text}");
        }
        for host in ["127.0.0.1", "localhost"] {
            let rule: AddressRule = |uri, address| uri.path() == "/" && address.is_loopback();
            connect(host, rule).await.expect("connected");
            listener.accept().await.expect("a connection");
        }
        let waiting = std::future::poll_fn(|context| Poll::Ready(listener.poll_accept(context).is_ready())).await;
        assert!(!waiting, "no other connection was made");
    }

    /// A name may have another address with each lookup.
    #[tokio::test]
    async fn restricted_connector_connects_to_the_address_that_it_has_checked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let lookups = Arc::new(AtomicUsize::new(0));
        let connect = |first: &[&str]| {
            let lookups = Arc::clone(&lookups);
            let first: Vec<_> = first
                .iter()
                .map(|address| address.parse().expect("an address"))
                .collect();
            let resolver = tower::service_fn(move |_: Name| {
                let other: IpAddr = Ipv4Addr::new(169, 254, 169, 254).into();
                let addresses = if lookups.fetch_add(1, Ordering::SeqCst) == 0 {
                    first.clone()
                } else {
                    vec![other]
                };
                let addresses: Vec<_> = addresses
                    .into_iter()
                    .map(|address| SocketAddr::new(address, 0))
                    .collect();
                std::future::ready(Ok::<_, io::Error>(addresses.into_iter()))
            });
            let uri: Uri = format!("http://scanner.example:{port}/").parse().expect("a URL");
            restricted(resolver, uri.clone(), |_, address| address == Ipv4Addr::LOCALHOST).call(uri)
        };
        let connected = connect(&["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "127.0.0.1"]).await;
        let connected = connected.expect("connected").into_inner();
        let (peer, ours) = (
            connected.peer_addr().expect("connected"),
            listener.local_addr().expect("bound"),
        );
        assert_eq!((peer, lookups.swap(0, Ordering::SeqCst)), (ours, 1));
        connect(&["169.254.169.254", "fe80::1"])
            .await
            .expect_err("no address is allowed");
        assert_eq!(lookups.load(Ordering::SeqCst), 1, "it is not resolved again");
    }

    #[tokio::test]
    async fn restricted_connector_hides_no_address_behind_a_proxy() {
        let (proxies, _) =
            Proxies::from_variables(|name| (name == "ALL_PROXY").then(|| "http://127.0.0.1:9".to_owned()));
        let mut connector = Connector::forwarding(proxies).restricted(|_, _| false);
        let refused = connector.call("https://10.0.0.1/".parse().expect("a URL")).await;
        let error = refused.expect_err("refused").to_string();
        assert_eq!(error, "10.0.0.1 has no address that may be connected to");
    }

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
