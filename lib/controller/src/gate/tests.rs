use std::num::NonZeroU32;

use axum::Extension;
use axum::body::Body;
use axum::response::IntoResponse as _;
use axum::routing::post;
use tower::ServiceExt as _;

use super::*;

const FRONT: Front = Front {
    envelope: 0,
    refuse: |error| {
        let row = crate::error_table::row(&error);
        (row.http, row.reason).into_response()
    },
};

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

fn behind(limits: GateLimits) -> Router {
    let routes = Router::new()
        .route(
            "/",
            post(|Extension(caller): Extension<Arc<Caller>>| async move { caller.name.clone() }),
        )
        .route("/slow", post(std::future::pending::<()>))
        .route(
            "/long",
            post(async || tokio::time::sleep(Duration::from_secs(3600)).await),
        );
    Gate::with_limits(Authenticator::none(), limits).before(routes, FRONT, |request| {
        Some(Bounds {
            is_long: request.uri().path() == "/long",
            ..Bounds::tightest()
        })
    })
}

fn request(path: &str, peer: &str, body: Body) -> Request {
    let mut request = Request::post(path).body(body).expect("a request");
    let peer = format!("{peer}:1").parse().expect("an address");
    request.extensions_mut().insert(PeerAddress(peer));
    request
}

async fn status(router: &Router, request: Request) -> u16 {
    router
        .clone()
        .oneshot(request)
        .await
        .expect("an answer")
        .status()
        .as_u16()
}

#[tokio::test]
async fn addresses_have_budgets_of_their_own_and_are_told() {
    let rates = RateLimits {
        address: Some(quota(2)),
        ..RateLimits::default()
    };
    let router = behind(GateLimits {
        rates,
        ..GateLimits::default()
    });
    let ask = |peer| router.clone().oneshot(request("/", peer, Body::empty()));
    let first = ask("1.1.1.1").await.expect("an answer");
    assert_eq!(first.headers()["ratelimit-policy"], "\"address\";q=2;w=3600");
    assert_eq!(first.headers()["ratelimit"], "\"address\";r=1;t=1800");
    assert_eq!(ask("1.1.1.1").await.expect("an answer").status(), 200);
    let third = ask("1.1.1.1").await.expect("an answer");
    assert_eq!(third.status(), 429);
    assert_eq!(third.headers()["ratelimit"], "\"address\";r=0;t=3600");
    assert_eq!(ask("1.1.1.2").await.expect("an answer").status(), 200);
}

#[test]
fn callers_have_budgets_of_their_own() {
    let rates = Rates::new(RateLimits {
        caller: Some(quota(1)),
        confirm: Some(quota(10)),
        ..RateLimits::default()
    });
    let now = Instant::now();
    assert!(rates.of_caller(&named("a"), now).is_ok());
    assert!(matches!(
        rates.of_caller(&named("a"), now),
        Err(Error::TooManyRequests { retry_after: 3600 })
    ));
    assert!(rates.of_caller(&named("b"), now).is_ok());
    assert!(rates.confirms.take("a", 10).is_ok(), "confirms are counted apart");
    assert!(rates.confirms.take("a", 1).is_err());
    assert!(rates.confirms.take("b", 7).is_ok());
    assert!(rates.confirms.take("b", 7).is_err());
}

#[test]
fn credentials_that_are_not_valid_cost_their_address() {
    const FAILURE: u32 = 20;
    let rates = Rates::new(RateLimits {
        address: Some(quota(2 * FAILURE)),
        ..RateLimits::default()
    });
    let now = Instant::now();
    let address = Some("1.1.1.1".parse().expect("an address"));
    rates.failed(address, now);
    assert!(rates.of_address(address, now).is_ok());
    rates.failed(address, now);
    assert!(rates.of_address(address, now).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let router = behind(GateLimits::default());
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert_eq!(status(&router, request("/", "1.1.1.1", never)).await, 408);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_invalid_and_not_slow() {
    let router = behind(GateLimits::default());
    let broken = Body::from_stream(futures::stream::iter([
        Ok(b"{".to_vec()),
        Err(std::io::Error::other("reset")),
    ]));
    assert_eq!(status(&router, request("/", "1.1.1.1", broken)).await, 400);
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_its_time_unless_the_store_bounds_it() {
    let router = behind(GateLimits::default());
    assert_eq!(status(&router, request("/slow", "1.1.1.1", Body::empty())).await, 503);
    assert_eq!(status(&router, request("/long", "1.1.1.1", Body::empty())).await, 200);
}

#[tokio::test]
async fn bodies_are_held_to_their_size() {
    let router = behind(GateLimits::default());
    for (bytes, expected) in [(64 * 1024, 200), (64 * 1024 + 1, 413), (8 * 1024 * 1024, 413)] {
        assert_eq!(
            status(&router, request("/", "1.1.1.1", vec![b' '; bytes].into())).await,
            expected
        );
        let chunks = vec![b' '; bytes];
        let chunks: Vec<_> = chunks
            .chunks(1000)
            .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
            .collect();
        let streamed = Body::from_stream(futures::stream::iter(chunks));
        assert_eq!(status(&router, request("/", "1.1.1.1", streamed)).await, expected);
    }
}

/// One that waits for its body takes no place.
#[tokio::test]
async fn more_than_there_are_places_for_are_told_to_come_back() {
    let router = behind(GateLimits {
        max_concurrent: 1,
        ..GateLimits::default()
    });
    let never = Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let mut reading = Box::pin(status(&router, request("/", "1.1.1.1", never)));
    assert!(futures::poll!(&mut reading).is_pending());
    let mut taking = Box::pin(status(&router, request("/slow", "1.1.1.1", Body::empty())));
    assert!(futures::poll!(&mut taking).is_pending());
    assert_eq!(status(&router, request("/", "1.1.1.1", Body::empty())).await, 503);
    drop(taking);
    assert_eq!(status(&router, request("/", "1.1.1.1", Body::empty())).await, 200);
}
