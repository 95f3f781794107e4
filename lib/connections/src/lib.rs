//! Accepts connections, limits their number and duration, counts and traces their requests, and closes them gracefully.
//!
//! The crate knows a handler and the labels of metrics, and nothing of the requests' meaning. `axum::serve` has no
//! timeouts: a client that sends nothing, sends half a request, or does not read would keep its connection forever.
//! Here every wait has a timeout (see `watch`), the number of connections has a limit, and a failed accept is retried.

mod address;
mod arrival;
mod body;
mod client;
mod connection;
mod descriptors;
mod ending;
mod handler;
mod host_rules;
mod io;
mod limits;
mod log_interval;
mod port;
mod rate_limiter;
mod request_span;
mod tls;
mod traffic;
mod watch;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

pub use self::arrival::{Arrival, BodyOutOfMemory, PortRefusal};
pub use self::body::RequestMemory;
use self::client::Clients;
pub use self::client::{Client, OpenStream};
use self::connection::{Channel, Connection, PortRules};
pub use self::ending::Ending;
pub use self::handler::Handler;
pub use self::host_rules::HostRules;
pub use self::limits::ConnectionLimits;
pub use self::log_interval::LogInterval;
pub use self::port::{Labels, Port};
pub use self::rate_limiter::{Exhausted, InvalidQuota, Quota, RateLimiter, Remaining};
pub use self::tls::{Certificate, Tls, TlsError, TlsFiles, pinned};
pub use self::traffic::{InFlight, Traffic};

/// The pause after a failed accept. The usual cause is a lack of file descriptors, and an immediate retry would fail
/// too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits, TLS and counters of connections. Clones share the limits.
#[derive(Debug, Clone)]
pub struct Connections {
    limits: ConnectionLimits,
    clients: Clients,
    tls: Option<Tls>,
    rules: PortRules,
    observer: Observer,
    log_interval: Arc<LogInterval>,
}

/// The counters and traces of a port's requests.
#[derive(Debug, Clone, Default)]
struct Observer {
    counted: Option<(Port, Arc<Traffic>)>,
    traced: Option<Port>,
}

impl Connections {
    /// Creates connections with these limits, without metrics and traces.
    pub fn new(limits: ConnectionLimits, tls: Option<Tls>) -> Self {
        descriptors::raise_limit(limits.max_connections);
        Self {
            clients: Clients::new(limits.clone()),
            limits,
            tls,
            rules: PortRules::default(),
            observer: Observer::default(),
            log_interval: Arc::default(),
        }
    }

    /// Returns these connections with metrics of the port.
    #[must_use]
    pub fn counted(mut self, port: Port, traffic: Arc<Traffic>) -> Self {
        self.observer.counted = Some((port, traffic));
        self
    }

    /// Returns these connections with a span for each request of the port.
    #[must_use]
    pub fn traced(mut self, port: Port) -> Self {
        self.observer.traced = Some(port);
        self
    }

    /// Returns these connections with rules for the hosts and origins of requests.
    #[must_use]
    pub fn with_host_rules(mut self, hosts: Option<HostRules>) -> Self {
        self.rules.hosts = hosts;
        self
    }

    /// Returns these connections for a store, whose handler streams bodies.
    #[must_use]
    pub fn for_store(mut self) -> Self {
        self.rules.is_store = true;
        self
    }

    /// Returns `true` if no client can connect: all connections are taken, by clients with an authenticated request.
    pub fn is_full(&self) -> bool {
        self.clients.is_full()
    }

    /// Accepts connections until the server stops, and returns when all of them are closed. Idle connections close at
    /// once, the others after the responses in flight.
    pub async fn serve(self, listener: TcpListener, handler: Handler, ending: Ending) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = ending.end.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_client_error(error.kind()) => continue,
                Err(error) => {
                    tracing::error!(%error, "accept failed");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let opened = match self.clients.open(peer) {
                Ok(opened) => opened,
                Err(limit) => {
                    if let Some(unlogged) = self.log_interval.next(Instant::now()) {
                        tracing::warn!(%peer, limit, unlogged, "connection refused");
                    }
                    self.observer.refused(limit);
                    continue;
                }
            };
            let open = self.observer.counted.as_ref().map(|(_, traffic)| traffic.connection());
            // Nagle's algorithm would delay small responses by some 40 ms.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            let connection = Connection {
                limits: self.limits.clone(),
                peer,
                clients: opened.clients(),
                rules: self.rules.clone(),
                handler: handler.clone(),
                ending: ending.clone(),
                observer: self.observer.clone(),
            };
            let tls = self.tls.as_ref().map(Tls::acceptor);
            let observer = self.observer.clone();
            let abort = ending.abort.clone();
            connections.spawn(async move {
                let serving = async {
                    match tls {
                        Some(tls) => connection.serve_tls(tls, stream).await,
                        None => connection.serve(stream, Channel::Plain).await,
                    }
                };
                tokio::select! {
                    () = serving => {}
                    () = opened.evicted() => {
                        tracing::debug!(%peer, "connection evicted");
                        observer.refused(traffic::CONNECTIONS);
                    }
                    () = abort.cancelled() => {}
                }
                drop((opened, open));
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

impl Observer {
    fn refused(&self, limit: &'static str) {
        if let Some((_, traffic)) = &self.counted {
            traffic.refused(limit);
        }
    }
}

/// Returns true if the client went away before its connection was accepted.
fn is_client_error(kind: ErrorKind) -> bool {
    [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionRefused,
        ErrorKind::ConnectionReset,
    ]
    .contains(&kind)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::body::Body;
    use draftstore_auth::PeerCertificate;
    use hyper::Response;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    use tokio_util::sync::DropGuard;

    use super::*;

    /// Echoes the peer's address and certificate, as a handler sees them.
    fn peer_info() -> Handler {
        Handler::new(|arrival| {
            let Arrival::Admitted(request) = arrival else {
                panic!("refused");
            };
            let client: &Client = request.extensions().get().expect("every request has one");
            let certificate = request.extensions().get().map(|PeerCertificate(der)| der.to_vec());
            let info = [
                client.peer().to_string().as_bytes(),
                b"|",
                &certificate.unwrap_or_default(),
            ]
            .concat();
            Box::pin(async { Response::new(Body::from(info)) })
        })
    }

    async fn send_request(
        mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    ) -> std::io::Result<Vec<u8>> {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        Ok(response)
    }

    struct TestServer {
        authority: Issuer<'static, KeyPair>,
        roots: Arc<RootCertStore>,
        port: SocketAddr,
        _files: TempDir,
        _end: DropGuard,
    }

    fn authority() -> (Issuer<'static, KeyPair>, rcgen::Certificate) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("signed");
        (Issuer::new(params, key), certificate)
    }

    fn leaf(authority: &Issuer<'_, KeyPair>) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        (params.signed_by(&key, authority).expect("signed"), key)
    }

    impl TestServer {
        async fn new() -> Self {
            let (authority, root) = authority();
            let (certificate, key) = leaf(&authority);
            let files = TempDir::new().expect("a temporary directory");
            let write = |name: &str, text: String| {
                let path = files.path().join(name);
                std::fs::write(&path, text).expect("written");
                path
            };
            let tls = TlsFiles {
                certificate: write("cert.pem", certificate.pem()),
                key: write("key.pem", key.serialize_pem()),
                client_ca: Some(write("ca.pem", root.pem())),
            };
            let ending = Ending::default();
            let (tls, _) = Tls::open(tls).await.expect("fits together");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let port = listener.local_addr().expect("bound");
            let connections = Connections::new(ConnectionLimits::default(), Some(tls));
            tokio::spawn(connections.serve(listener, peer_info(), ending.clone()));
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).expect("an authority");
            Self {
                authority,
                roots: Arc::new(roots),
                port,
                _files: files,
                _end: ending.end.drop_guard(),
            }
        }

        async fn request_as(&self, identity: Option<(&CertificateDer<'static>, &KeyPair)>) -> std::io::Result<Vec<u8>> {
            let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(Arc::clone(&self.roots));
            let config = match identity {
                Some((certificate, key)) => {
                    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
                    builder
                        .with_client_auth_cert(vec![certificate.clone()], key)
                        .expect("fits together")
                }
                None => builder.with_no_client_auth(),
            };
            let stream = TcpStream::connect(self.port).await?;
            let name = ServerName::try_from("localhost").expect("a name");
            send_request(TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await
        }
    }

    #[tokio::test]
    async fn request_has_the_address_and_certificate_of_its_peer() {
        let server = TestServer::new().await;
        let (certificate, key) = leaf(&server.authority);
        let response = server
            .request_as(Some((certificate.der(), &key)))
            .await
            .expect("answered");
        assert!(response.ends_with(certificate.der()), "the certificate, byte by byte");
        let response = server.request_as(None).await.expect("answered");
        let text = String::from_utf8(response).expect("no certificate");
        let peer_info = text.rsplit_once("\r\n\r\n").expect("a body").1;
        assert!(
            peer_info.starts_with("127.0.0.1:") && peer_info.ends_with('|'),
            "{peer_info}"
        );
    }

    #[tokio::test]
    async fn connection_outlives_a_short_body_that_is_not_read_and_says_when_it_does_not() {
        let ending = Ending::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound");
        let connections = Connections::new(ConnectionLimits::default(), None);
        tokio::spawn(connections.serve(listener, peer_info(), ending.clone()));
        let _end = ending.end.drop_guard();
        for (headers, body, is_kept) in [
            ("content-length: 5\r\n", "hello", true),
            ("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", true),
            ("content-length: 5\r\nexpect: 100-continue\r\n", "", false),
            ("content-length: 65537\r\n", "", false),
        ] {
            let mut stream = TcpStream::connect(port).await.expect("connected");
            stream.set_nodelay(true).expect("set");
            for packet in [&format!("POST / HTTP/1.1\r\nhost: x\r\n{headers}\r\n"), body] {
                stream.write_all(packet.as_bytes()).await.expect("sent");
                tokio::task::yield_now().await;
            }
            let last = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            if is_kept {
                stream.write_all(last.as_bytes()).await.expect("sent");
            }
            let mut answers = String::new();
            stream.read_to_string(&mut answers).await.expect("answered");
            assert_eq!(
                answers.matches("HTTP/1.1 200").count(),
                if is_kept { 2 } else { 1 },
                "{answers}"
            );
            assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
        }
    }

    #[tokio::test]
    async fn handshake_fails_with_a_certificate_of_another_authority() {
        let server = TestServer::new().await;
        let (certificate, key) = leaf(&authority().0);
        let response = server.request_as(Some((certificate.der(), &key))).await;
        assert!(!response.is_ok_and(|response| response.starts_with(b"HTTP/1.1")));
    }
}
