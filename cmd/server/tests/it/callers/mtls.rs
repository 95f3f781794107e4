use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_proto::v1::{ConfirmUploadRequest, GetUploadUrlRequest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::ground::Policy;
use crate::server::Server;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate for this name, and its key.
struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

fn pair(name: &str, authority: &Authority) -> Pair {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    Pair { certificate, key }
}

async fn grpc(server: &Server, authority: &Authority, client: Option<&Pair>) -> DraftServiceClient<Channel> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost");
    if let Some(Pair { certificate, key }) = client {
        tls = tls.identity(Identity::from_pem(certificate.pem(), key.serialize_pem()));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", server.grpc)).expect("a URL");
    let endpoint = endpoint.tls_config(tls).expect("a configuration");
    DraftServiceClient::new(endpoint.connect().await.expect("connects"))
}

/// Returns the status of an upload URL over REST.
fn rest(server: &Server, authority: &Authority, client: Option<&Pair>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match client {
        Some(Pair { certificate, key }) => config
            .with_client_auth_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a pair"),
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = StreamOwned::new(session, TcpStream::connect(&server.http).expect("connects"));
    let body = r#"{"object_name":"a"}"#;
    let head = format!(
        "POST /api/v1/upload-url HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())
        .expect("sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    String::from_utf8(status.to_vec()).expect("ASCII")
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_allows_the_scopes_of_its_name() {
    let authority = authority();
    let policy = Policy::new("[callers.shop]\nscopes = ['upload']\ncertificates = ['dns:shop.internal']\n");
    let own = pair("localhost", &authority);
    for (name, pem) in [
        ("cert.pem", own.certificate.pem()),
        ("key.pem", own.key.serialize_pem()),
        ("authority.pem", authority.pem()),
    ] {
        policy.write(name, pem);
    }
    let path = |name: &str| policy.directory().join(name).to_str().expect("UTF-8").to_owned();
    let (certificate, key, clients) = (path("cert.pem"), path("key.pem"), path("authority.pem"));
    let tls = [
        ("TLS_CERT_FILE", certificate.as_str()),
        ("TLS_KEY_FILE", key.as_str()),
        ("TLS_CLIENT_CA_FILE", clients.as_str()),
    ];
    let server = policy.server("mtls", &tls);
    let upload = || GetUploadUrlRequest {
        object_name: "a".to_owned(),
        ..GetUploadUrlRequest::default()
    };

    let shop = pair("shop.internal", &authority);
    let mut known = grpc(&server, &authority, Some(&shop)).await;
    known.get_upload_url(upload()).await.expect("issued");
    let confirm = ConfirmUploadRequest {
        object_name: "a".to_owned(),
        ..ConfirmUploadRequest::default()
    };
    let refused = known.confirm_upload(confirm).await.expect_err("refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(rest(&server, &authority, Some(&shop)), "HTTP/1.1 200");

    let other = pair("other.internal", &authority);
    for nobody in [Some(&other), None] {
        let refused = grpc(&server, &authority, nobody).await.get_upload_url(upload()).await;
        assert_eq!(refused.expect_err("refused").code(), Code::Unauthenticated);
        assert_eq!(rest(&server, &authority, nobody), "HTTP/1.1 401");
    }
}
