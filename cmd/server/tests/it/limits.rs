//! Tests of the limits on rate, size and concurrency.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use draftstore_proto::v1::GetUploadUrlRequest;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::TestBuckets;
use draftstore_testing::http_client;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front};
use crate::gate::Gate;
use crate::server::Server;

/// Returns a rate limit that does not refill during a test.
fn rate_limit(requests: u32) -> String {
    format!("{requests}/86400")
}

async fn upload_url(server: &Server, forwarded_for: &str) -> reqwest::Response {
    let url = format!("http://{}/api/v1/upload-url", server.http);
    let ask = http_client().post(url).header("x-forwarded-for", forwarded_for);
    ask.body(r#"{"object_name":"a"}"#).send().await.expect("an answer")
}

#[tokio::test]
async fn rate_limited_address_gets_429_with_retry_after() {
    for variable in ["ADDRESS_RATE_LIMIT", "RATE_LIMIT"] {
        for front in FRONTS {
            let server = Server::start_with(&[(variable, &rate_limit(2))]);
            for _ in 0..2 {
                let issued = front.call(&server, "upload-url", json!({"object_name": "a"})).await;
                issued.expect("within the rate limit");
            }
            let refused = front.call(&server, "upload-url", json!({"object_name": "a"})).await;
            let refused = refused.expect_err("beyond it");
            refused.assert(429, Code::ResourceExhausted, "TOO_MANY_REQUESTS");
            assert!(refused.retry);
        }
    }
}

#[tokio::test]
async fn responses_have_rate_limit_headers() {
    let server = Server::start_with(&[
        ("ADDRESS_RATE_LIMIT", &rate_limit(4)),
        ("RATE_LIMIT", &rate_limit(2)),
        ("CONFIRM_RATE_LIMIT", &rate_limit(9)),
    ]);
    let answer = upload_url(&server, "").await;
    let header = |name: &str| answer.headers()[name].to_str().expect("ASCII").to_owned();
    assert_eq!(
        header("ratelimit-policy"),
        r#""address";q=4;w=86400, "caller";q=2;w=86400"#
    );
    let headers = header("ratelimit");
    assert!(
        headers.starts_with(r#""address";r=3;t=21"#) && headers.contains(r#", "caller";r=1;t=43"#),
        "{headers}"
    );

    let mut client = DraftServiceClient::connect(format!("http://{}", server.grpc))
        .await
        .expect("connects");
    let request = GetUploadUrlRequest {
        object_name: "a".to_owned(),
        ..Default::default()
    };
    let answer = client.get_upload_url(request.clone()).await.expect("issued");
    let headers = answer
        .metadata()
        .get("ratelimit")
        .expect("told")
        .to_str()
        .expect("ASCII");
    assert!(
        headers.contains(r#""caller";r=0;"#),
        "one rate limit on both ports: {headers}"
    );
    let refused = client.get_upload_url(request).await.expect_err("beyond it");
    assert!(refused.metadata().contains_key("ratelimit") && refused.metadata().contains_key("ratelimit-policy"));

    let refused = upload_url(&server, "").await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .expect("ASCII")
        .parse()
        .expect("seconds");
    assert!((1..=86_400).contains(&wait));
    assert!(refused.headers().contains_key("ratelimit"));
    let health = http_client()
        .get(format!("http://{}/health", server.http))
        .send()
        .await
        .expect("an answer");
    assert_eq!(health.status(), 429, "a route without credentials has the same limit");
}

#[tokio::test]
async fn forwarded_addresses_of_trusted_proxies_only_are_used() {
    let limit = rate_limit(1);
    let direct = Server::start_with(&[("ADDRESS_RATE_LIMIT", &limit)]);
    assert_eq!(upload_url(&direct, "192.0.2.1").await.status(), 200);
    assert_eq!(upload_url(&direct, "192.0.2.2").await.status(), 429, "an invention");

    let behind = Server::start_with(&[
        ("ADDRESS_RATE_LIMIT", &limit),
        ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8"),
    ]);
    assert_eq!(upload_url(&behind, "192.0.2.1").await.status(), 200);
    assert_eq!(upload_url(&behind, "192.0.2.2, 10.1.2.3").await.status(), 200);
    for again in [
        "192.0.2.1",
        "198.51.100.7, 192.0.2.1",
        "192.0.2.2",
        "192.0.2.1, 10.1.2.3",
    ] {
        assert_eq!(upload_url(&behind, again).await.status(), 429, "{again}");
    }
}

#[tokio::test]
async fn confirms_have_their_own_rate_limit_and_a_batch_costs_its_size() {
    for front in FRONTS {
        let server = Server::start_with(&[("CONFIRM_RATE_LIMIT", &rate_limit(3))]);
        let batch = || json!({"uploads": [{"object_name": "a"}, {"object_name": "b"}]});
        front
            .call(&server, "confirm-uploads", batch())
            .await
            .expect("two of three");
        let refused = front
            .call(&server, "confirm-uploads", batch())
            .await
            .expect_err("one is left");
        refused.assert(429, Code::ResourceExhausted, "TOO_MANY_REQUESTS");
        let one = || json!({"object_name": "a"});
        let absent = front
            .call(&server, "confirm-upload", one())
            .await
            .expect_err("no such draft");
        absent.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
        let refused = front
            .call(&server, "confirm-upload", one())
            .await
            .expect_err("none is left");
        refused.assert(429, Code::ResourceExhausted, "TOO_MANY_REQUESTS");
        front
            .call(&server, "upload-url", one())
            .await
            .expect("another rate limit");
    }
}

#[tokio::test]
async fn body_limit_is_64_kib_and_1_mib_for_batches() {
    let server = Server::start();
    for front in FRONTS {
        let large = json!({"object_name": "a".repeat(65 * 1024)});
        let refused = front
            .call(&server, "upload-url", large.clone())
            .await
            .expect_err("too large");
        refused.assert(413, Code::InvalidArgument, "TOO_LARGE");
        assert_eq!(refused.fields, ["body"]);
        let refused = front.call(&server, "upload-urls", json!({"uploads": [large]})).await;
        let outcomes = refused.expect("within the size of many");
        assert_eq!(outcomes["outcomes"][0]["error"]["reason"], "INVALID_REQUEST");
        let huge = json!({"uploads": [{"object_name": "a".repeat(1024 * 1024)}]});
        let refused = front.call(&server, "upload-urls", huge).await.expect_err("too large");
        refused.assert(413, Code::InvalidArgument, "TOO_LARGE");
        let parts: Vec<_> = (1..=10_000)
            .map(|part| json!({"part_number": part, "etag": "0123456789abcdef0123456789abcdef"}))
            .collect();
        let complete = json!({"object_name": "a", "upload_id": "none", "parts": parts});
        let absent = front
            .call(&server, "multipart/complete", complete)
            .await
            .expect_err("none");
        assert_eq!(absent.fields, ["upload_id"], "its body was read");
    }
}

#[tokio::test]
async fn uppy_complete_may_have_1_mib_and_other_routes_64_kib() {
    let server = Server::start();
    let post = async |path: &str, body: Value| {
        let url = format!("http://{}/uppy/s3/{path}", server.http);
        let answer = http_client().post(url).json(&body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        (status, body["error"].as_str().expect("a refusal").to_owned())
    };
    let parts: Vec<_> = (1..=10_000)
        .map(|part| json!({"PartNumber": part, "ETag": "\"0123456789abcdef0123456789abcdef\""}))
        .collect();
    let key = ".drafts/00/01ARZ3NDEKTSV4RRFFQ69G5FAV/a";
    let (status, _) = post(&format!("multipart/none/complete?key={key}"), json!({ "parts": parts })).await;
    assert_ne!(status, 413);
    let (status, reason) = post("multipart", json!({"filename": "a".repeat(65 * 1024)})).await;
    assert_eq!((status, reason.as_str()), (413, "TOO_LARGE"));
}

/// Tests REST with its status and gRPC-Web with its own, both over HTTP/1.1.
#[test]
fn incomplete_body_times_out() {
    let server = Server::start_with(&[("BODY_TIMEOUT", "1")]);
    for (port, path, kind, said) in [
        (&server.http, "/api/v1/upload-url", "application/json", "HTTP/1.1 408 "),
        (
            &server.grpc,
            "/draft.v1.DraftService/GetUploadURL",
            "application/grpc-web+proto",
            "grpc-status: 4\r\n",
        ),
    ] {
        let mut stream = TcpStream::connect(port).expect("connects");
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: 99\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(b"{\"object_name\":").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and the end");
        assert!(answer.contains(said), "{answer}");
    }
}

/// A confirm whose copy is held back uses the only permit.
#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_concurrency_limit_are_503_with_retry_after() {
    let world = TestBuckets::embedded().await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let mut gate = Gate::before(store.parse().expect("an address")).await;
    let server = Server::start_with(&[
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &format!("http://{}", gate.address)),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
        ("MAX_CONCURRENT_REQUESTS", "1"),
        ("CALL_TIMEOUT", "1"),
    ]);
    world.draft("a", "bytes").await;
    gate.shut();
    let name = || json!({"object_name": "a"});
    let confirm = Front::Rest.call(&server, "confirm-upload", name());
    let others = async {
        gate.holds_a_copy().await;
        for front in FRONTS {
            let refused = front.call(&server, "upload-url", name()).await.expect_err("no place");
            refused.assert(503, Code::Unavailable, "OVERLOADED");
            assert!(refused.retry);
        }
        for path in ["health", "health/ready"] {
            let health = http_client().get(format!("http://{}/{path}", server.http)).send().await;
            assert_eq!(health.expect("an answer").status(), 200);
        }
        gate.open();
    };
    let (confirmed, ()) = tokio::join!(confirm, others);
    assert_eq!(confirmed.expect("confirmed")["success"], true);
    Front::Rest
        .call(&server, "upload-url", name())
        .await
        .expect("a place again");
}

/// The copy is held back while the caller goes away: the confirm goes on, and still counts.
#[tokio::test(flavor = "multi_thread")]
async fn confirm_keeps_its_place_without_its_caller() {
    let world = TestBuckets::embedded().await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let mut gate = Gate::before(store.parse().expect("an address")).await;
    let server = Server::start_with(&[
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &format!("http://{}", gate.address)),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
        ("MAX_CONCURRENT_REQUESTS", "1"),
    ]);
    world.draft("a", "bytes").await;
    gate.shut();
    let name = || json!({"object_name": "a"});
    tokio::select! {
        ended = Front::Rest.call(&server, "confirm-upload", name()) => panic!("{ended:?}"),
        () = gate.holds_a_copy() => {}
    }
    for front in FRONTS.repeat(10) {
        let refused = front.call(&server, "upload-url", name()).await.expect_err("no place");
        refused.assert(503, Code::Unavailable, "OVERLOADED");
    }
    let metrics = reqwest::get(format!("http://{}/metrics", server.admin)).await;
    let metrics = metrics.expect("a response").text().await.expect("text");
    assert!(
        metrics.contains("draftstore_requests_in_flight{front=\"rest\"} 1"),
        "{metrics}"
    );
    gate.open();
    while Front::Rest.call(&server, "upload-url", name()).await.is_err() {}
}

/// All connections stay open, because the server in this test has no timeout that would close them.
#[tokio::test(flavor = "multi_thread")]
async fn thousand_slow_connections_do_not_block_other_clients() {
    let limit = getrlimit(Resource::Nofile);
    let enough = Rlimit {
        current: limit.maximum.map_or(Some(8192), |maximum| Some(maximum.min(8192))),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, enough).expect("a test needs 2,000 descriptors");
    let server = Server::start_with(&[("HEADER_TIMEOUT", "86400"), ("IDLE_TIMEOUT", "86400")]);
    let mut slow: Vec<_> = (0..1000)
        .map(|number| {
            let port = if number % 2 == 0 { &server.http } else { &server.grpc };
            let mut stream = TcpStream::connect(port).expect("connects");
            let sent = [
                &b""[..],
                b"POST /api",
                b"GET / HTTP/1.1\r\nx: y\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ];
            stream.write_all(sent[number / 2 % sent.len()]).expect("sent");
            stream
        })
        .collect();
    for _ in 0..50 {
        for front in FRONTS {
            let issued = front.call(&server, "upload-url", json!({"object_name": "a"})).await;
            issued.expect("answered");
        }
    }
    for stream in &mut slow {
        stream.set_nonblocking(true).expect("set");
        let mut said = [0; 1024];
        // The server may have sent its HTTP/2 settings.
        match stream.read(&mut said) {
            Ok(0) => panic!("the server has closed it"),
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}
