//! Clients that do nothing, or too little: the server ends their connections, on both ports, and answers the others.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::server::Server;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

fn impatient() -> Server {
    Server::start_with(&[("HEADER_TIMEOUT", "1"), ("WRITE_TIMEOUT", "1"), ("IDLE_TIMEOUT", "2")])
}

/// Everything that the server still sends before it ends the connection, which this waits for.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    rest
}

/// Whether a request on a new connection is answered.
fn is_answered(port: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(port) else {
        return false;
    };
    let sent = stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut answer = Vec::new();
    sent.is_ok() && stream.read_to_end(&mut answer).is_ok() && answer.starts_with(b"HTTP/1.1 ")
}

#[test]
fn connection_without_a_whole_head_is_ended() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        for sent in [
            &b""[..],
            b"P",
            b"POST /api/v1/up",
            b"POST /api/v1/upload-url HTTP/1.1\r\nhost: x\r\nx-half: ",
            b"PRI * HTTP",
        ] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream.write_all(sent).expect("sent");
            assert_eq!(rest(&mut stream), b"", "{}", String::from_utf8_lossy(sent));
        }
    }
}

/// Each byte is sent when another client's request has been answered.
#[test]
fn head_that_comes_byte_by_byte_is_not_waited_for() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        let mut slow = TcpStream::connect(port).expect("connects");
        slow.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ")
            .expect("sent");
        while slow.write_all(b"y").is_ok() {
            assert!(is_answered(port));
        }
    }
}

#[test]
fn connection_without_a_further_request_is_ended() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        for after in [&b""[..], b"GET /hea"] {
            let mut stream = TcpStream::connect(port).expect("connects");
            stream
                .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
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

/// Sends requests until the server, whose answers nobody takes, has had enough.
#[test]
fn client_that_reads_nothing_is_cut_off() {
    let server = impatient();
    for port in [&server.http, &server.grpc] {
        let mut stream = TcpStream::connect(port).expect("connects");
        let requests = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
        while stream.write_all(&requests).is_ok() {}
        assert!(is_answered(port));
    }
}

/// A head with fields beyond number or size is answered with 431, by HTTP/1.1.
#[test]
fn head_beyond_its_limits_is_refused() {
    let server = Server::start();
    for port in [&server.http, &server.grpc] {
        for fields in ["x: y\r\n".repeat(101), format!("x: {}\r\n", "y".repeat(33 * 1024))] {
            let mut stream = TcpStream::connect(port).expect("connects");
            let head = format!("GET /health HTTP/1.1\r\nhost: x\r\n{fields}\r\n");
            stream.write_all(head.as_bytes()).expect("sent");
            let mut status = [0; 12];
            stream.read_exact(&mut status).expect("an answer");
            assert_eq!(&status, b"HTTP/1.1 431", "{} bytes", head.len());
        }
    }
}

/// A thousand requests that are each taken back at once end their connection, and no other.
#[test]
fn rapid_reset_ends_its_own_connection_alone() {
    // No time-out ends it instead.
    let server = Server::start_with(&[("HEADER_TIMEOUT", "86400"), ("IDLE_TIMEOUT", "86400")]);
    for port in [&server.http, &server.grpc] {
        let mut attack = [PREFACE, EMPTY_SETTINGS].concat();
        for stream in (1..2000_u32).step_by(2) {
            // HEADERS: end of stream and of headers; GET, http, /, in the static table.
            attack.extend(b"\0\0\x03\x01\x05");
            attack.extend(stream.to_be_bytes());
            attack.extend(b"\x82\x86\x84");
            // RST_STREAM: CANCEL.
            attack.extend(b"\0\0\x04\x03\0");
            attack.extend(stream.to_be_bytes());
            attack.extend(b"\0\0\0\x08");
        }
        let mut attacker = TcpStream::connect(port).expect("connects");
        // The server may end it before everything is sent.
        let _ = attacker.write_all(&attack);
        let said = rest(&mut attacker);
        assert!(is_answered(port));
        let is_goaway = |frame: &[u8]| frame[3] == 7 && frame.ends_with(b"\0\0\0\x0btoo_many_resets");
        assert!(said.is_empty() || said.windows(9 + 8 + 15).any(is_goaway), "{said:?}");
    }
}

#[test]
fn connections_beyond_the_cap_are_closed_until_there_is_room() {
    let server = Server::start_with(&[("MAX_CONNECTIONS", "2")]);
    let open = || {
        let mut stream = TcpStream::connect(&server.http).expect("connects");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
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

/// Accepts fail while connections take all descriptors; the server goes on when they are gone.
#[test]
fn running_out_of_descriptors_is_survived() {
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
fn idle_connections_do_not_hold_up_the_end() {
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
