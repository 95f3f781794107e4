//! Every route of every port, as the server and its contract list them, within the limits of the port. No list is typed in here.

use std::collections::BTreeSet;

use draftstore_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::server::Server;

/// A route of a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    port: String,
    method: String,
    path: String,
}

/// Returns the routes: those of the `OpenAPI` document, the pages and what they load, each rpc of each service that the gRPC port
/// has, health and metrics of the admin port, and the embedded store.
async fn routes(server: &Server) -> BTreeSet<Route> {
    let mut routes = BTreeSet::new();
    let mut add = |port: &str, method: &str, path: &str| {
        routes.insert(Route {
            port: port.to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
        });
    };
    let get = async |path: &str| {
        let response = reqwest::get(format!("http://{}{path}", server.http)).await;
        response.expect("a response").text().await.expect("text")
    };
    let document: Value = serde_json::from_str(&get("/openapi.json").await).expect("JSON");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            add(&server.http, method, path);
            if path.starts_with("/health") {
                add(&server.admin, method, path);
            }
        }
    }
    for page in ["/", "/docs"] {
        add(&server.http, "GET", page);
        let html = get(page).await;
        let links = html
            .split(['"', '\''])
            .filter(|link| link.starts_with("/console/") || link.starts_with("/docs/"));
        links.for_each(|link| add(&server.http, "GET", link));
    }
    add(&server.admin, "GET", "/metrics");
    for descriptors in [
        FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ] {
        let set = FileDescriptorSet::decode(descriptors).expect("descriptors");
        for file in set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    add(&server.grpc, "POST", &path);
                }
            }
        }
    }
    let store = server.store.strip_prefix("http://").expect("plain HTTP");
    add(store, "GET", "/");
    add(store, "POST", "/main-draft");
    add(store, "PUT", "/main-draft/a");
    routes
}

async fn send(route: &Route, headers: &[(&str, &str)]) -> Response {
    let method: Method = route.method.parse().expect("a method");
    let request = Client::new().request(method, format!("http://{}{}", route.port, route.path));
    let request = request.header("content-type", "application/grpc-web+proto");
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("a response")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_every_port_is_for_the_names_and_pages_of_the_server() {
    let server = Server::start();
    let routes = routes(&server).await;
    assert!(routes.len() > 50, "{}", routes.len());
    for route in &routes {
        let rebound = [("host", "evil.test:8080"), ("origin", "http://evil.test:8080")];
        assert_eq!(send(route, &rebound).await.status(), 421, "{route:?}");
        let foreign = send(route, &[("origin", "http://evil.test")]).await.status();
        // The store's callers are known by their signatures, and its pages by the bucket's CORS rules.
        let is_store = server.store.ends_with(&route.port);
        assert!(
            foreign == 403 || is_store && !foreign.is_success(),
            "{route:?}: {foreign}"
        );
    }
}

/// The calls of the server itself do not count on the embedded store, or it would have refused to start.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_has_the_rate_limit_of_addresses() {
    let server = Server::start_with(&[("ADDRESS_RATE_LIMIT", "100/86400"), ("GRPC_REFLECTION", "on")]);
    let routes = routes(&server).await;
    let store = server.store.strip_prefix("http://").expect("plain HTTP");
    for port in [&server.http, &server.admin, store] {
        for _ in 0..100 {
            reqwest::get(format!("http://{port}/health")).await.expect("a response");
        }
    }
    for route in &routes {
        let refused = send(route, &[]).await;
        let status = refused
            .headers()
            .get("grpc-status")
            .map(|status| status.as_bytes().to_vec());
        let is_refused = refused.status() == 429
            || server.store.ends_with(&route.port) && refused.status() == 503
            || status.is_some_and(|status| status == b"8");
        assert!(is_refused, "{route:?}: {}", refused.status());
    }
}
