//! An issuer of tokens that publishes its keys over HTTPS, with a certificate of its own authority.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// An issuer that runs until the test's runtime ends.
pub(crate) struct Issuer {
    authority: String,
    address: String,
    key: EncodingKey,
    requests: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Issuer {
    /// Starts an issuer with this name, on a free port of loopback.
    pub(crate) async fn start(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let tls_key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&tls_key, &authority).expect("a certificate");
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(tls_key.serialize_der()).into(),
            )
            .expect("a certificate and its key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();

        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
        let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a key");
        let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).expect("a public key");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = "first".into();
        let requests = Arc::new(Mutex::new(BTreeMap::new()));
        tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            jwk,
            Arc::clone(&requests),
        ));
        Self {
            authority: authority.pem(),
            address: format!("{name}:{port}"),
            key,
            requests,
        }
    }

    /// Returns the authority's certificate in PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}/{path}", self.address)
    }

    /// Returns the number of requests for this path.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let requests = self.requests.lock().expect("not poisoned");
        requests.get(path).copied().unwrap_or_default()
    }

    /// Signs a token with the issuer's only key, under this key ID.
    pub(crate) fn sign(&self, claims: &Value, key_id: &str) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(key_id.to_owned());
        encode(&header, claims, &self.key).expect("signed")
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, jwk: Value, requests: Arc<Mutex<BTreeMap<String, usize>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Clients that do not trust the certificate, or disconnect, get no response.
        tokio::spawn(answer(stream, tls.clone(), jwk.clone(), Arc::clone(&requests)));
    }
}

async fn answer(
    stream: TcpStream,
    tls: TlsAcceptor,
    jwk: Value,
    requests: Arc<Mutex<BTreeMap<String, usize>>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(tls.accept(stream).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line
        .split(' ')
        .nth(1)
        .unwrap_or_default()
        .trim_start_matches('/')
        .to_owned();
    while line.trim_end() != "" {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    *requests.lock().expect("not poisoned").entry(path.clone()).or_default() += 1;
    let (head, body) = match path.as_str() {
        "keys" => ("200 OK", json!({ "keys": [jwk] })),
        "moved" => ("302 Found\r\nlocation: /keys", json!({ "keys": [jwk] })),
        "large" => ("200 OK", json!({ "keys": [jwk], "padding": "x".repeat(300_000) })),
        "many" => ("200 OK", json!({ "keys": vec![jwk; 101] })),
        "page" => ("200 OK", json!("hello")),
        _ => ("404 Not Found", json!({ "keys": [jwk] })),
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
