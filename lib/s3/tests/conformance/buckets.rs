//! Buckets are made where they are missing, and let browsers in where they are told to.

use draftstore_storage::{CorsRule, Created};
use reqwest::{Method, Response};

use draftstore_testing::{TestBuckets, bucket, key};

const APP: &str = "https://app.example.com";
const EVIL: &str = "https://evil.example.com";

pub(crate) async fn a_bucket_is_made_once(world: &TestBuckets) {
    let name = bucket("another-bucket");
    assert_eq!(world.storage.create_bucket(&name).await.expect("made"), Created::Now);
    assert_eq!(
        world.storage.create_bucket(&name).await.expect("there"),
        Created::Before
    );
}

/// Sends the preflight of a page of that origin that would upload.
async fn preflight(world: &TestBuckets, origin: &str) -> Response {
    let key = key("from a page.png");
    let signed = world.sign_put(&world.put(&key)).await;
    let request = world
        .http
        .request(Method::OPTIONS, &signed.url)
        .header("origin", origin);
    let request = request.header("access-control-request-method", "PUT");
    let request = request.header("access-control-request-headers", "content-type,x-amz-meta-author");
    request.send().await.expect("the store answers")
}

/// The upload that follows.
async fn upload(world: &TestBuckets, origin: &str) -> Response {
    let key = key("from a page.png");
    let signed = world.sign_put(&world.put(&key)).await;
    let answer = world
        .http
        .put(&signed.url)
        .header("origin", origin)
        .body("png")
        .send()
        .await;
    answer.expect("the store answers")
}

/// Returns `true` if a page of that origin may go on, or see the response.
fn allows(answer: &Response, origin: &str) -> bool {
    let header = answer.headers().get("access-control-allow-origin");
    answer.status().is_success() && header.is_some_and(|allowed| allowed == "*" || allowed == origin)
}

async fn allow(world: &TestBuckets, origins: &[&str]) {
    let rule = CorsRule {
        allowed_origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
    };
    world.storage.put_cors(world.draft.name(), &rule).await.expect("put");
}

pub(crate) async fn pages_of_allowed_origins_can_upload_and_see_the_etag(world: &TestBuckets) {
    for _ in ["put", "put again"] {
        allow(world, &["https://other.example.com", APP]).await;
    }
    let answer = preflight(world, APP).await;
    assert!(allows(&answer, APP));
    let told = |name: &str| answer.headers()[name].to_str().expect("ASCII").to_ascii_lowercase();
    let methods = told("access-control-allow-methods");
    assert!(methods == "*" || methods.contains("put"), "{methods}");
    let headers = told("access-control-allow-headers");
    assert!(
        headers == "*" || headers.contains("content-type") && headers.contains("x-amz-meta-author"),
        "{headers}"
    );

    let answer = upload(world, APP).await;
    assert!(allows(&answer, APP));
    assert!(answer.headers().contains_key("etag"));
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .expect("ASCII")
        .to_ascii_lowercase();
    assert!(exposed.contains("etag"), "{exposed}");
}

pub(crate) async fn pages_of_other_origins_cannot_upload(world: &TestBuckets) {
    allow(world, &[APP]).await;
    assert!(!allows(&preflight(world, EVIL).await, EVIL));
    assert!(!allows(&upload(world, EVIL).await, EVIL));
}

/// Garage's lack, in buckets that were made by S3's own call: they are known to one key alone, and a preflight has none.
pub(crate) async fn pages_of_other_origins_can_upload_but_not_see_the_answer(world: &TestBuckets) {
    allow(world, &[APP]).await;
    assert!(allows(&preflight(world, EVIL).await, EVIL));
    assert!(!allows(&upload(world, EVIL).await, EVIL));
}

pub(crate) async fn a_cors_rule_replaces_the_one_before(world: &TestBuckets) {
    allow(world, &[EVIL]).await;
    allow(world, &[APP]).await;
    assert!(!allows(&upload(world, EVIL).await, EVIL));
    assert!(allows(&upload(world, APP).await, APP));
}

pub(crate) async fn every_origin_can_be_allowed(world: &TestBuckets) {
    allow(world, &["*"]).await;
    assert!(allows(&preflight(world, APP).await, APP));
    assert!(allows(&upload(world, APP).await, APP));
}
