//! Tests of slow and idle clients: the server closes their connections on both ports, and serves other clients.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::server::Server;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

fn impatient() -> Server {
    Server::start_with(&[("HEADER_TIMEOUT", "1"), ("WRITE_TIMEOUT", "1"), ("IDLE_TIMEOUT", "2")])
}

/// Reads until the server closes the connection.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    rest
}

/// Returns whether a request on a new connection gets a response.
fn is_answered(port: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(port) else {
        return false;
    };
    let sent = stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    sent.is_ok() && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 ")
}

#[test]
fn connection_with_an_incomplete_head_is_closed() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        for sent in [
            &b""[..],
            b"P",
            b"POST /api/v1/up",
            b"POST /api/v1/upload-url HTTP/1.1\r\nhost: localhost\r\nx-half: ",
            b"PRI * HTTP",
        ] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream.write_all(sent).expect("sent");
            assert_eq!(rest(&mut stream), b"", "{}", String::from_utf8_lossy(sent));
        }
    }
}

/// Each byte is sent after a request of another client got its response.
#[test]
fn slow_head_times_out() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        let mut slow = TcpStream::connect(port).expect("connects");
        slow.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
            .expect("sent");
        while slow.write_all(b"y").is_ok() {
            assert!(is_answered(port));
        }
    }
}

#[test]
fn idle_connection_is_closed() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        for after in [&b""[..], b"GET /hea"] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream
                .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .expect("sent");
            let mut first = [0; 9];
            stream.read_exact(&mut first).expect("an answer");
            assert_eq!(&first, b"HTTP/1.1 ");
            stream.write_all(after).expect("sent");
            rest(&mut stream);
        }
    }
}

#[test]
fn http2_without_anything_after_its_preface_is_ended() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        for sent in [PREFACE.to_vec(), [PREFACE, EMPTY_SETTINGS].concat()] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream.write_all(&sent).expect("sent");
            assert!(!rest(&mut stream).is_empty(), "it was pinged");
        }
    }
}

/// Sends requests without reading the responses, until the server closes the connection.
#[test]
fn client_that_does_not_read_is_disconnected() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        let mut stream = TcpStream::connect(port).expect("connects");
        let requests = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
        while stream.write_all(&requests).is_ok() {}
        assert!(is_answered(port));
    }
}

/// Over HTTP/1.1, a head with too many or too large fields is 431.
#[test]
fn head_beyond_its_limits_is_431() {
    let server = Server::start();
    for port in [&server.http, &server.grpc] {
        for fields in ["x: y\r\n".repeat(101), format!("x: {}\r\n", "y".repeat(33 * 1024))] {
            let mut stream = TcpStream::connect(port).expect("connects");
            let head = format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n");
            stream.write_all(head.as_bytes()).expect("sent");
            let mut status = [0; 12];
            stream.read_exact(&mut status).expect("an answer");
            assert_eq!(&status, b"HTTP/1.1 431", "{} bytes", head.len());
        }
    }
}

/// A thousand requests that are reset at once close their connection, and no other.
#[test]
fn rapid_reset_closes_only_its_connection() {
    // No timeout closes it instead.
    let server = Server::start_with(&[("HEADER_TIMEOUT", "86400"), ("IDLE_TIMEOUT", "86400")]);
    for port in [&server.http, &server.grpc] {
        let mut attack = [PREFACE, EMPTY_SETTINGS].concat();
        for stream in (1..2000_u32).step_by(2) {
            // HEADERS with END_STREAM and END_HEADERS: GET, http, / from the static table.
            attack.extend(b"\0\0\x03\x01\x05");
            attack.extend(stream.to_be_bytes());
            attack.extend(b"\x82\x86\x84");
            // RST_STREAM with CANCEL.
            attack.extend(b"\0\0\x04\x03\0");
            attack.extend(stream.to_be_bytes());
            attack.extend(b"\0\0\0\x08");
        }
        let mut attacker = TcpStream::connect(port).expect("connects");
        // The server may close the connection before everything is sent.
        let _ = attacker.write_all(&attack);
        let said = rest(&mut attacker);
        assert!(is_answered(port));
        let is_goaway = |frame: &[u8]| frame[3] == 7 && frame.ends_with(b"\0\0\0\x0btoo_many_resets");
        assert!(said.is_empty() || said.windows(9 + 8 + 15).any(is_goaway), "{said:?}");
    }
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let server = Server::start_with(&[("MAX_CONNECTIONS", "2")]);
    let open = || {
        let mut stream = TcpStream::connect(&server.http).expect("connects");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("sent");
        let mut first = [0; 9];
        stream.read_exact(&mut first).expect("an answer");
        stream
    };
    let taken = [open(), open()];
    for port in [&server.http, &server.grpc] {
        let mut refused = TcpStream::connect(port).expect("connects");
        assert_eq!(rest(&mut refused), b"");
    }
    drop(taken);
    while !is_answered(&server.http) {}
    while !is_answered(&server.grpc) {}
}

/// Accepting fails while connections use all descriptors, and works again afterwards.
#[test]
fn server_survives_running_out_of_file_descriptors() {
    let server = Server::start();
    let limited = Command::new("prlimit")
        .args(["--pid", &server.id().to_string(), "--nofile=64"])
        .status()
        .expect("prlimit of util-linux runs");
    assert!(limited.success());
    let taken: Vec<_> = (0..100).map(|_| TcpStream::connect(&server.http)).collect();
    assert!(taken.iter().all(Result::is_ok), "the kernel accepts them first");
    drop(taken);
    while !is_answered(&server.http) {}
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("accept failed"), "{log}");
}

#[test]
fn idle_connections_do_not_delay_the_shutdown() {
    let server = Server::start();
    let mut idle: Vec<_> = [&server.http, &server.grpc]
        .into_iter()
        .flat_map(|port| [(port, &b""[..]), (port, b"GET /"), (port, PREFACE)])
        .map(|(port, sent)| {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream.write_all(sent).expect("sent");
            stream
        })
        .collect();
    assert!(is_answered(&server.http));
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert!(!log.contains("cancelled at shutdown"), "{log}");
    for stream in &mut idle {
        rest(stream);
    }
}
