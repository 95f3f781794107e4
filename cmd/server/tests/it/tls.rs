//! Tests of TLS on both ports: certificates, their replacement, and slow handshakes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use draftstore_proto::v1::GetUploadUrlRequest;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use crate::server::{Server, command};

/// The files of a certificate, which a test can replace, and their authority.
struct Files {
    directory: TempDir,
    root: rcgen::Certificate,
    authority: Issuer<'static, KeyPair>,
}

impl Files {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("signed");
        let files = Self {
            directory: TempDir::new().expect("a temporary directory"),
            root,
            authority: Issuer::new(params, key),
        };
        files.renew();
        files
    }

    /// Writes a new pair to the files, and returns the certificate.
    fn renew(&self) -> Vec<u8> {
        self.renew_between(2000, 4000)
    }

    /// Writes a new pair that is valid from the beginning of one year to the beginning of another.
    fn renew_between(&self, from: i32, until: i32) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.authority).expect("signed");
        fs::write(self.path("key.pem"), key.serialize_pem()).expect("written");
        fs::write(self.path("cert.pem"), certificate.pem()).expect("written");
        certificate.der().to_vec()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.path(name).to_str().expect("UTF-8").to_owned();
        [("TLS_CERT_FILE", path("cert.pem")), ("TLS_KEY_FILE", path("key.pem"))]
    }

    fn server(&self) -> Server {
        let variables = self.variables();
        let mut variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.push(("HEADER_TIMEOUT", "1"));
        Server::start_with(&variables)
    }

    /// Connects with this version of TLS and this ALPN protocol.
    fn connect(
        &self,
        port: &str,
        version: &'static SupportedProtocolVersion,
        protocol: &[u8],
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("an authority");
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        StreamOwned::new(session, TcpStream::connect(port).expect("connects"))
    }

    /// Returns the certificate of the server, after a response over HTTP/1.1.
    fn shown(&self, port: &str, version: &'static SupportedProtocolVersion) -> Vec<u8> {
        let mut stream = self.connect(port, version, b"http/1.1");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .expect("sent");
        let mut status = [0; 9];
        stream.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 ");
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.conn.peer_certificates().expect("shown")[0].to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ports_accept_tls_only() {
    let files = Files::new();
    let server = files.server();
    for port in [&server.http, &server.grpc] {
        for version in [&TLS12, &TLS13] {
            files.shown(port, version);
        }
        let mut http2 = files.connect(port, &TLS13, b"h2");
        http2
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
            .expect("sent");
        let mut frame = [0; 9];
        http2.read_exact(&mut frame).expect("a frame");
        assert_eq!(frame[3], 4, "SETTINGS");

        let mut plain = TcpStream::connect(port).expect("connects");
        plain
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("sent");
        let mut answer = Vec::new();
        // The server may close the connection before it has read everything.
        let _ = plain.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    }

    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(files.root.pem()))
        .domain_name("localhost");
    let channel = Endpoint::from_shared(format!("https://{}", server.grpc))
        .and_then(|endpoint| endpoint.tls_config(tls))
        .expect("an endpoint");
    let mut client = DraftServiceClient::new(channel.connect().await.expect("connects"));
    let request = GetUploadUrlRequest {
        object_name: "a".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        client
            .get_upload_url(request)
            .await
            .expect("issued")
            .into_inner()
            .method,
        "PUT"
    );
}

/// Returns the head of the response to GET over HTTP/1.1, in lower case.
fn head(mut stream: impl Read + Write, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // The server may close the connection without close_notify.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let (head, _) = answer.split_once("\r\n\r\n").expect("an answer");
    head.to_owned()
}

#[test]
fn hsts_is_sent_over_tls_only() {
    let files = Files::new();
    let (secure, plain) = (files.server(), Server::start());
    let grpc = "/draft.v1.DraftService/GetUploadURL";
    for path in [
        "/",
        "/docs",
        "/health",
        "/api/v1/upload-url",
        "/t/x/api/v1/upload-url",
        "/nowhere",
        grpc,
    ] {
        for (by_tls, without) in [(&secure.http, &plain.http), (&secure.grpc, &plain.grpc)] {
            let head = head(files.connect(by_tls, &TLS13, b"http/1.1"), path);
            let said = head.matches("strict-transport-security: max-age=31536000").count();
            assert_eq!(said, 1, "{path}: {head}");
            let head = self::head(TcpStream::connect(without).expect("connects"), path);
            assert!(!head.contains("strict-transport-security"), "{path}: {head}");
        }
    }
}

/// The files are reloaded at SIGHUP, and a little later without it. Invalid files are logged, and the old ones stay in use.
#[test]
fn certificate_is_reloaded_without_a_restart() {
    let files = Files::new();
    let server = files.server();
    let before = files.shown(&server.http, &TLS13);
    let second = files.renew();
    assert_ne!(before, second);
    server.signal("HUP");
    for port in [&server.http, &server.grpc] {
        while files.shown(port, &TLS13) != second {}
    }

    let key = fs::read(files.path("key.pem")).expect("read");
    fs::write(files.path("key.pem"), "no key").expect("written");
    server.signal("HUP");
    assert_eq!(files.shown(&server.http, &TLS13), second);
    fs::write(files.path("key.pem"), key).expect("written");

    let third = files.renew();
    while files.shown(&server.http, &TLS13) != third {}
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
}

/// The server must not start with files that do not match.
#[test]
fn mismatched_certificate_files_fail_the_start() {
    let files = Files::new();
    let other = Files::new();
    let whole = fs::read(files.path("cert.pem")).expect("read");
    for (certificate, key, said) in [
        (whole.clone(), b"no key".to_vec(), "TLS_KEY_FILE"),
        (b"no certificate".to_vec(), b"no key".to_vec(), "TLS_CERT_FILE"),
        (whole, fs::read(other.path("key.pem")).expect("read"), "do not match"),
    ] {
        fs::write(files.path("cert.pem"), certificate).expect("written");
        fs::write(files.path("key.pem"), key).expect("written");
        let output = command()
            .envs(files.variables())
            .env("EMBEDDED_DATA_DIR", files.path("data"))
            .output()
            .expect("runs");
        let log = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(!output.status.success());
        assert!(log.contains(said), "{log}");
    }
}

#[test]
fn incomplete_handshake_times_out() {
    let files = Files::new();
    let server = files.server();
    for port in [&server.http, &server.grpc] {
        // The head of a record for a ClientHello.
        for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream.write_all(sent).expect("sent");
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).expect("its end");
            assert_eq!(rest, b"");
        }
        let mut silent = files.connect(port, &TLS13, b"http/1.1");
        silent.conn.complete_io(&mut silent.sock).expect("a handshake");
        let mut rest = Vec::new();
        // A close without close_notify is not a response either.
        let _ = silent.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
}

#[test]
fn health_subcommand_trusts_only_the_certificate_of_the_file() {
    let files = Files::new();
    let server = files.server();
    let port = server.http.rsplit_once(':').expect("a port").1.to_owned();
    let ask = |files: &Files| {
        let mut command = command();
        let asked = command.arg("health").env("HTTP_PORT", &port).envs(files.variables());
        asked.status().expect("runs").success()
    };
    assert!(ask(&files));
    assert!(!ask(&Files::new()), "another certificate, another server");
    let plain = command().arg("health").env("HTTP_PORT", &port).status().expect("runs");
    assert!(!plain.success());
}

#[test]
fn certificate_that_is_not_valid_at_start_is_reported_and_used() {
    for (from, until, said) in [
        (2001, 2002, "expired at 2002-01-01T00:00:00Z"),
        (3001, 3002, "is not valid before 3001-01-01T00:00:00Z"),
        (2001, 3002, ""),
    ] {
        let files = Files::new();
        files.renew_between(from, until);
        let (status, log) = files.server().stop();
        assert!(status.success(), "{log}");
        let warned = log
            .lines()
            .find(|line| line.contains("certificate not valid at present"));
        assert_eq!(warned.is_some(), !said.is_empty(), "{log}");
        assert!(
            warned.is_none_or(|line| line.contains(said) && line.contains("TLS_CERT_FILE")),
            "{log}"
        );
    }
}
