//! CORS: preflights, and the headers of the responses to browsers.

use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use reqwest::Method;

use crate::harness::{BUCKET, TestStore, for_an_hour, rejection};

const ORIGIN: &str = "https://app.example.com";

async fn with_rule() -> TestStore {
    let store = TestStore::start().await;
    let rule = CorsRule::builder()
        .allowed_origins(ORIGIN)
        .allowed_methods("PUT")
        .allowed_methods("GET")
        .allowed_headers("*")
        .expose_headers("ETag")
        .max_age_seconds(600);
    let rules = CorsConfiguration::builder()
        .cors_rules(rule.build().unwrap())
        .build()
        .unwrap();
    store
        .s3
        .put_bucket_cors()
        .bucket(BUCKET)
        .cors_configuration(rules)
        .send()
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn preflight_follows_the_rules_of_the_bucket() {
    let store = with_rule().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("a b")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let preflight = async |origin: &str, method: &str| {
        let request = store.http.request(Method::OPTIONS, put.uri()).header("origin", origin);
        let request = request.header("access-control-request-method", method);
        request
            .header("access-control-request-headers", "content-type,x-amz-meta-a")
            .send()
            .await
            .unwrap()
    };
    let allowed = preflight(ORIGIN, "PUT").await;
    assert_eq!(allowed.status(), 200);
    let headers = allowed.headers();
    assert_eq!(headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(headers["access-control-allow-headers"], "content-type, x-amz-meta-a");
    assert_eq!(headers["access-control-max-age"], "600");
    assert!(
        headers["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PUT")
    );
    assert!(headers["vary"].to_str().unwrap().contains("Origin"));
    for (origin, method) in [("https://evil.example.com", "PUT"), (ORIGIN, "DELETE")] {
        let rejected = preflight(origin, method).await;
        assert_eq!(rejected.status(), 403);
        assert!(!rejected.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn responses_and_errors_have_cors_headers() {
    let store = with_rule().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let response = store.send(&put, &[("origin", ORIGIN)], "x").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(response.headers()["access-control-expose-headers"], "ETag");
    assert!(response.headers().contains_key("etag"));
    assert!(response.headers().contains_key("date"));
    assert!(response.headers().contains_key("x-amz-request-id"));
    let rejected = store
        .http
        .get(format!("{}/bucket/k", store.endpoint()))
        .header("origin", ORIGIN);
    let rejected = rejected.send().await.unwrap();
    assert_eq!(rejected.status(), 403);
    assert_eq!(rejected.headers()["access-control-allow-origin"], ORIGIN);
    let elsewhere = store.send(&put, &[("origin", "https://evil.example.com")], "x").await;
    assert!(!elsewhere.headers().contains_key("access-control-allow-origin"));
    assert!(elsewhere.headers()["vary"].to_str().unwrap().contains("Origin"));
}

#[tokio::test]
async fn rules_can_be_set_and_deleted() {
    let store = with_rule().await;
    let get = || store.s3.get_bucket_cors().bucket(BUCKET).send();
    let rules = get().await.unwrap().cors_rules.unwrap();
    assert_eq!(rules[0].allowed_origins(), [ORIGIN]);
    assert_eq!(rules[0].allowed_methods(), ["PUT", "GET"]);
    assert_eq!(rules[0].expose_headers(), ["ETag"]);
    store.s3.delete_bucket_cors().bucket(BUCKET).send().await.unwrap();
    assert_eq!(rejection(get().await), (404, "NoSuchCORSConfiguration".into()));
    let preflight = store
        .http
        .request(Method::OPTIONS, format!("{}/bucket/k", store.endpoint()));
    let preflight = preflight
        .header("origin", ORIGIN)
        .header("access-control-request-method", "PUT");
    assert_eq!(preflight.send().await.unwrap().status(), 403);
}
