//! The address of the server, and what answers at a wrong one.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::program::TestUser;
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn address_without_a_scheme_is_accepted() {
    let server = TestServer::start().await;
    let user = TestUser::of(server.url.strip_prefix("http://").expect("plain HTTP"));
    assert_eq!(user.run(["list"]).status, 0);
    let slash = format!("{}/", server.url);
    assert_eq!(user.run(["list", "--server", &slash]).status, 0);
}

/// Returns the address of a program that answers every connection with these bytes.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.expect("accepted");
            // The first bytes of the client are read, so that closing does not reset the connection.
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(bytes);
            // And the rest of them, until the client closes.
            let _ = std::io::copy(&mut connection, &mut std::io::sink());
        }
    });
    address.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grpc_server_is_said_at_once() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let grpc = server.url.strip_prefix("http://").expect("plain HTTP");
    let store = &server.world.endpoint.url;
    let tls_alert = answering(b"\x15\x03\x03\x00\x02\x02\x16");
    let http1 = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    for (address, remedy) in [
        (store.clone(), "gRPC address"),
        (format!("http://{tls_alert}"), "https://"),
        (format!("http://{http1}"), "gRPC address"),
        (format!("https://{grpc}"), "http://"),
    ] {
        let ended = user.run(["list", "--json", "--server", &address]);
        assert_eq!(ended.status, 2, "{address}: {ended:?}");
        let [failure] = &ended.failures()[..] else {
            panic!("{address}: {ended:?}");
        };
        assert_eq!(failure["reason"], "WRONG_SERVER", "{ended:?}");
        let message = failure["message"].as_str().expect("text");
        for said in ["--server", address.as_str(), remedy] {
            assert!(message.contains(said), "{message}");
        }
        assert!(
            !ended.err.contains("retrying") && !ended.err.contains("compression"),
            "{ended:?}"
        );
    }
}
