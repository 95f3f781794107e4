use std::num::NonZeroU32;

use axum::body::Body;
use axum::response::IntoResponse as _;
use draftstore_connections::{ConnectionLimits, Quota};

use super::*;
use crate::path_ticket::strip_ticket;
use crate::refusal::Limit;

fn refuse(refusal: Refusal) -> Response {
    let failure = Failure::from(refusal);
    let reason = failure.row().reason;
    (reason.http, reason.name).into_response()
}

fn named(name: &str) -> Caller {
    Caller {
        name: name.to_owned(),
        ..Caller::anyone()
    }
}

fn quota(requests: u32) -> Quota {
    let requests = NonZeroU32::new(requests).expect("some");
    Quota::new(requests, Duration::from_secs(3600))
}

fn gate(config: GateConfig) -> Gate {
    Gate::new(Authenticator::none(), config)
}

/// Returns the response of a handler behind the gate, or the refusal.
async fn respond(gate: &Gate, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let bounds = Bounds {
        rpc: "test",
        scopes: &[&[Scope::Upload], &[Scope::Admin]],
        max_bytes: 64 * 1024,
        envelope: 0,
        is_long: path == "/long",
        is_confirm: false,
        is_stream: path == "/stream",
    };
    let handler = |admitted: Admitted, _| async move {
        match path.as_str() {
            "/slow" => std::future::pending().await,
            "/long" => tokio::time::sleep(Duration::from_secs(3600)).await,
            _ => {}
        }
        admitted.caller.name.clone().into_response()
    };
    gate.call(request, bounds, refuse, handler).await
}

fn request(path: &str, peer: &str, body: Body) -> Request {
    let mut request = Request::post(path).body(body).expect("a request");
    let peer = format!("{peer}:1").parse().expect("an address");
    let client = Client::alone(peer, ConnectionLimits::default()).expect("room");
    request.extensions_mut().insert(client);
    request
}

async fn status(gate: &Gate, request: Request) -> u16 {
    respond(gate, request).await.status().as_u16()
}

#[test]
fn each_caller_has_its_own_rate_limit() {
    let rates = Rates::new(RateLimits {
        caller: Some(quota(1)),
        confirm: Some(quota(10)),
    });
    let now = Instant::now();
    assert!(rates.caller(&named("a"), now).is_ok());
    assert!(matches!(
        rates.caller(&named("a"), now),
        Err(Refusal::TooManyRequests {
            limit: Limit::CallerRate,
            retry_after: 3600
        })
    ));
    assert!(rates.caller(&named("b"), now).is_ok());
    assert!(
        rates.confirms(&named("a"), 10, now).is_ok(),
        "confirms are counted apart"
    );
    assert!(rates.confirms(&named("a"), 1, now).is_err());
    assert!(rates.confirms(&named("b"), 7, now).is_ok());
    assert!(rates.confirms(&named("b"), 7, now).is_err());
}

#[tokio::test]
async fn invalid_credentials_count_against_the_address() {
    let gate = gate(GateConfig::default());
    let limits = ConnectionLimits {
        address_rate: Some(quota(2 * FAILURE_COST)),
        ..ConnectionLimits::default()
    };
    let client = Client::alone(([1, 1, 1, 1], 1).into(), limits).expect("room");
    for left in [FAILURE_COST, 0] {
        let request = Request::post("/t/not-a-ticket/")
            .body(Body::empty())
            .expect("a request");
        let mut request = strip_ticket(request);
        request.extensions_mut().insert(client.clone());
        let response = respond(&gate, request).await;
        assert_eq!(response.status(), 401);
        let remaining = response.headers()["ratelimit"].to_str().expect("ASCII");
        assert!(remaining.starts_with(&format!("\"address\";r={left};")), "{remaining}");
    }
}

#[tokio::test(start_paused = true)]
async fn body_that_does_not_arrive_is_408() {
    let gate = gate(GateConfig::default());
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(status(&gate, request("/", "1.1.1.1", never)).await, 408);
}

#[tokio::test]
async fn body_that_breaks_off_is_400() {
    let gate = gate(GateConfig::default());
    let broken = Body::from_stream(futures::stream::iter([
        Ok(b"{".to_vec()),
        Err(std::io::Error::other("reset")),
    ]));
    assert_eq!(status(&gate, request("/", "1.1.1.1", broken)).await, 400);
}

#[tokio::test(start_paused = true)]
async fn calls_time_out_unless_the_store_bounds_them() {
    let gate = gate(GateConfig::default());
    assert_eq!(status(&gate, request("/slow", "1.1.1.1", Body::empty())).await, 503);
    assert_eq!(status(&gate, request("/long", "1.1.1.1", Body::empty())).await, 200);
}

#[tokio::test]
async fn body_size_is_limited() {
    let gate = gate(GateConfig::default());
    for (bytes, expected) in [(64 * 1024, 200), (64 * 1024 + 1, 413), (8 * 1024 * 1024, 413)] {
        assert_eq!(
            status(&gate, request("/", "1.1.1.1", vec![b' '; bytes].into())).await,
            expected
        );
        let chunks = vec![b' '; bytes];
        let chunks: Vec<_> = chunks
            .chunks(1000)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect();
        let streamed = Body::from_stream(futures::stream::iter(chunks));
        assert_eq!(status(&gate, request("/", "1.1.1.1", streamed)).await, expected);
    }
}

/// A request that waits for its body takes no permit.
#[tokio::test]
async fn requests_beyond_the_concurrency_limit_are_refused() {
    let gate = gate(GateConfig {
        max_concurrent: 1,
        ..GateConfig::default()
    });
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let mut reading = Box::pin(status(&gate, request("/", "1.1.1.1", never)));
    assert!(futures::poll!(&mut reading).is_pending());
    let mut taking = Box::pin(status(&gate, request("/slow", "1.1.1.1", Body::empty())));
    assert!(futures::poll!(&mut taking).is_pending());
    assert_eq!(status(&gate, request("/", "1.1.1.1", Body::empty())).await, 503);
    drop(taking);
    assert_eq!(status(&gate, request("/", "1.1.1.1", Body::empty())).await, 200);
}
