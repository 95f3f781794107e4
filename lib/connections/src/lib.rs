//! Both ports' connections: accepted, held to limits, counted, and ended.
//!
//! Knows where a request comes from, what it is called, and how long it takes; not what answers it. `axum::serve` would keep
//! a client for ever that sends nothing, or half of something, or does not read. Every connection here is waited for so long
//! and no longer (see `watch`), there are so many of them and no more, and an accept that fails is tried again.

mod answer;
mod connection;
mod descriptors;
mod ending;
mod io;
mod limits;
mod tls;
mod traced;
mod traffic;
mod watch;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use draftstore_controller::Answers;
use draftstore_controller::measured::{Limit, Port};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use self::connection::{Channel, Connection};
pub use self::ending::Ending;
pub use self::limits::ConnectionLimits;
pub use self::tls::{Certificate, Tls, TlsError, TlsFiles, pinned};
pub use self::traffic::Traffic;

/// After a failed accept: most often the process is out of descriptors, and at once it would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of both ports have in common. Clones share it.
#[derive(Debug, Clone)]
pub struct Connections {
    limits: ConnectionLimits,
    slots: Arc<Semaphore>,
    tls: Option<Tls>,
    measured: Option<Arc<Traffic>>,
    is_traced: bool,
}

impl Connections {
    /// Held to these limits, by TLS where there is some.
    pub fn new(limits: ConnectionLimits, tls: Option<Tls>) -> Self {
        descriptors::make_room(limits.max_connections);
        Self {
            limits,
            tls,
            slots: Arc::new(Semaphore::new(limits.max_connections)),
            measured: None,
            is_traced: false,
        }
    }

    /// The same, counted.
    #[must_use]
    pub fn measured(self, traffic: Arc<Traffic>) -> Self {
        Self {
            measured: Some(traffic),
            ..self
        }
    }

    /// The same, with a span for each request where somebody collects them.
    #[must_use]
    pub fn traced(self, is_traced: bool) -> Self {
        Self { is_traced, ..self }
    }

    /// Accepts until the end, and ends when all connections have: those without a request at once, the others with the
    /// answers that are under way.
    pub async fn serve(self, port: Port, listener: TcpListener, answers: Answers, ending: Ending) {
        let connections = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = ending.end.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_the_clients(error.kind()) => continue,
                Err(error) => {
                    tracing::error!(%error, "no connection can be accepted: trying again");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                tracing::warn!(
                    limit = self.limits.max_connections,
                    "MAX_CONNECTIONS are open: refused one more"
                );
                if let Some(traffic) = &self.measured {
                    traffic.refused(Limit::Connections);
                }
                continue;
            };
            let open = self.measured.as_ref().map(Traffic::connection);
            // Small answers would wait some 40 ms for the acknowledgement of the ones before.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY cannot be set");
            }
            let connection = Connection {
                limits: self.limits,
                peer,
                answers: answers.clone(),
                ending: ending.clone(),
                port,
                measured: self.measured.clone(),
                is_traced: self.is_traced,
            };
            let tls = self.tls.as_ref().map(Tls::acceptor);
            connections.spawn(async move {
                match tls {
                    Some(tls) => connection.serve_tls(tls, stream).await,
                    None => connection.serve(stream, Channel::Plain).await,
                }
                drop((slot, open));
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

/// The client went away before it was accepted.
fn is_the_clients(kind: ErrorKind) -> bool {
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

    use axum::routing::get;
    use axum::{Extension, Router};
    use draftstore_auth::PeerCertificate;
    use draftstore_controller::PeerAddress;
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

    /// What a handler sees of where its request comes from.
    async fn seen(Extension(peer): Extension<PeerAddress>, certificate: Option<Extension<PeerCertificate>>) -> Vec<u8> {
        let certificate = certificate.map(|Extension(PeerCertificate(der))| der.to_vec());
        [peer.0.to_string().as_bytes(), b"|", &certificate.unwrap_or_default()].concat()
    }

    async fn ask(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> std::io::Result<Vec<u8>> {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    struct Ground {
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

    impl Ground {
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
            let router = Router::new().route("/", get(seen));
            tokio::spawn(connections.serve(Port::Rest, listener, router.into(), ending.clone()));
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

        async fn ask_as(&self, identity: Option<(&CertificateDer<'static>, &KeyPair)>) -> std::io::Result<Vec<u8>> {
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
            ask(TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await
        }
    }

    #[tokio::test]
    async fn a_request_carries_its_peer_and_the_certificate_that_was_shown() {
        let ground = Ground::new().await;
        let (certificate, key) = leaf(&ground.authority);
        let answer = ground.ask_as(Some((certificate.der(), &key))).await.expect("answered");
        assert!(answer.ends_with(certificate.der()), "the certificate, byte by byte");
        let answer = ground.ask_as(None).await.expect("answered");
        let text = String::from_utf8(answer).expect("no certificate");
        let seen = text.rsplit_once("\r\n\r\n").expect("a body").1;
        assert!(seen.starts_with("127.0.0.1:") && seen.ends_with('|'), "{seen}");
    }

    #[tokio::test]
    async fn a_certificate_of_another_authority_ends_the_handshake() {
        let ground = Ground::new().await;
        let (certificate, key) = leaf(&authority().0);
        let answer = ground.ask_as(Some((certificate.der(), &key))).await;
        assert!(!answer.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1")));
    }
}
