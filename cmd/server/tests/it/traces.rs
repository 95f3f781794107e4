//! Tests of traces, with a collector.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use draftstore_testing::{HttpProxy, http_client};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use serde_json::json;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, draft, upload};
use crate::server::{NOWHERE, Server};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID: &str = "b7ad6b7169203331";

/// A collector that stores what it receives.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<ResourceSpans>>>, Arc<Mutex<Vec<MetadataMap>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.1.lock().expect("not poisoned").push(request.metadata().clone());
        let spans = request.into_inner().resource_spans;
        self.0.lock().expect("not poisoned").extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone()).accept_compressed(CompressionEncoding::Gzip);
        let incoming = TcpIncoming::from(listener);
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        (collector, address)
    }

    fn received(&self) -> Vec<ResourceSpans> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received().into_iter();
        let scopes = received.flat_map(|of_resource| of_resource.scope_spans);
        scopes.flat_map(|of_scope| of_scope.spans).collect()
    }
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    let Value::StringValue(text) = attribute.value.as_ref()?.value.as_ref()? else {
        return None;
    };
    Some(text)
}

fn number(span: &Span, name: &str) -> Option<i64> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    let Value::IntValue(number) = attribute.value.as_ref()?.value.as_ref()? else {
        return None;
    };
    Some(*number)
}

fn start(collector: SocketAddr, more: &[(&str, &str)]) -> Server {
    let endpoint = format!("http://{collector}");
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("RUST_LOG", "debug"),
    ];
    Server::start_with(&[&own[..], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_continues_from_the_caller_to_the_store() {
    for front in FRONTS {
        let (collector, address) = Collector::start().await;
        let server = start(address, &[]);
        draft(&server, "hush", b"hush").await;
        let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
        let headers = [("traceparent", parent.as_str())];
        let confirm = json!({"object_name": "hush"});
        let confirmed = front.call_with(&headers, &server, "confirm-upload", confirm).await;
        confirmed.expect("confirmed");
        let (status, log) = server.stop();
        assert!(status.success());

        let spans: Vec<_> = collector.spans();
        let in_trace: Vec<_> = spans
            .iter()
            .filter(|span| hex::encode(&span.trace_id) == TRACE_ID)
            .collect();
        let confirm = in_trace.iter().find(|span| span.name == "ConfirmUpload");
        let confirm = confirm.unwrap_or_else(|| panic!("{spans:?}"));
        assert_eq!(hex::encode(&confirm.parent_span_id), PARENT_ID);
        assert_eq!(confirm.kind(), SpanKind::Server);
        assert_eq!(text(confirm, "code"), Some("OK"));
        let request = in_trace
            .iter()
            .find(|span| span.name == "request")
            .expect("as it is logged");
        assert_eq!(request.parent_span_id, confirm.span_id);
        assert!(text(request, "request.id").is_some(), "{request:?}");
        let calls: Vec<_> = in_trace.iter().filter(|span| span.kind() == SpanKind::Client).collect();
        for call in &calls {
            assert_eq!(call.parent_span_id, request.span_id, "{call:?}");
            assert_eq!(text(call, "outcome"), Some("ok"), "{call:?}");
        }
        let names: Vec<_> = calls.iter().map(|span| span.name.as_str()).collect();
        // The drafts of many confirms are deleted together, which is in no trace.
        assert_eq!(names, ["HeadObject", "CopyObject", "HeadObject"]);
        assert_eq!(in_trace.len(), 2 + calls.len(), "and nothing else");

        let resource = format!("{:?}", collector.received()[0].resource);
        assert!(
            resource.contains("draftstore-server") && resource.contains("service.version"),
            "{resource}"
        );
        let everything = format!("{:?}", collector.received());
        for secret in ["hush", "X-Amz", "http://", "main-draft"] {
            assert!(!everything.contains(secret), "{secret}: {everything}");
        }
        assert!(log.contains(TRACE_ID), "lines of the log name the trace: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_is_in_the_trace_of_its_confirm() {
    let (key, caller) = new_key("shop");
    let policy = Policy::new(&format!(
        "[profiles.texts.checks.type]\n[profiles.texts.checks.tag]\n{caller}scopes = ['upload', 'inspect', \
         'confirm']\nprofile = 'texts'\n"
    ));
    let key = bearer(&key);
    for (front, content, expected) in [
        (
            FRONTS[0],
            &b"hush"[..],
            &[("inspection", "accepted", Some(4)), ("tag", "pending", Some(0))][..],
        ),
        (FRONTS[1], b"%PDF-1.4", &[("inspection", "rejected", Some(8))]),
    ] {
        let (collector, address) = Collector::start().await;
        let endpoint = format!("http://{address}");
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("CHECK_WAIT", "1"),
            ("CHECK_TIMEOUT", "3"),
        ];
        let server = policy.server("api-key", &variables);
        let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
        let headers = [("authorization", key.as_str()), ("traceparent", parent.as_str())];
        let request = json!({"object_name": "a", "content_type": "text/plain"});
        let issued = front.call_with(&headers[..1], &server, "upload-url", request).await;
        assert_eq!(upload(&issued.expect("issued"), content).await, 200);
        let confirm = front.call_with(&headers, &server, "confirm-upload", json!({"object_name": "a"}));
        confirm.await.expect_err("pending, or rejected");
        server.stop();

        let spans = collector.spans();
        let request = spans
            .iter()
            .find(|span| span.name == "request" && hex::encode(&span.trace_id) == TRACE_ID);
        let request = request.unwrap_or_else(|| panic!("{spans:?}"));
        for (check, outcome, bytes) in expected {
            let span = spans.iter().find(|span| text(span, "check") == Some(check));
            let span = span.unwrap_or_else(|| panic!("no {check}: {spans:?}"));
            assert_eq!((span.name.as_str(), text(span, "outcome")), (*check, Some(*outcome)));
            assert_eq!(number(span, "bytes"), *bytes, "{span:?}");
            assert_eq!(span.parent_span_id, request.span_id, "{span:?}");
            let mut calls = spans.iter().filter(|call| call.parent_span_id == span.span_id);
            assert!(calls.next().is_some(), "its calls to the store: {spans:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsampled_trace_is_not_sent() {
    let (collector, address) = Collector::start().await;
    let server = start(address, &[]);
    let parent = format!("00-{TRACE_ID}-{PARENT_ID}-00");
    let headers = [("traceparent", parent.as_str())];
    let name = json!({"object_name": "a"});
    for front in FRONTS {
        let asked = front.call_with(&headers, &server, "inspect-draft", name.clone()).await;
        asked.expect_err("there is none");
    }
    FRONTS[0]
        .call(&server, "inspect-draft", name)
        .await
        .expect_err("there is none");
    server.stop();
    let spans = collector.spans();
    assert!(
        spans.iter().all(|span| hex::encode(&span.trace_id) != TRACE_ID),
        "{spans:?}"
    );
    assert_eq!(
        spans.iter().filter(|span| span.name == "InspectDraft").count(),
        1,
        "one began here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sampler_off_sends_nothing() {
    let (collector, address) = Collector::start().await;
    let server = start(address, &[("OTEL_TRACES_SAMPLER", "always_off")]);
    FRONTS[0]
        .call(&server, "upload-url", json!({"object_name": "a"}))
        .await
        .expect("issued");
    server.stop();
    assert_eq!(collector.spans(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn response_has_the_trace_id() {
    let (_collector, address) = Collector::start().await;
    let ask = async |server: &Server, parent: Option<&str>| {
        let url = format!("http://{}/api/v1/upload-url", server.http);
        let request = http_client().post(url).body(r#"{"object_name":"a"}"#);
        let request = parent
            .iter()
            .fold(request, |request, parent| request.header("traceparent", *parent));
        let answer = request.send().await.expect("an answer");
        answer
            .headers()
            .get("traceresponse")
            .map(|value| value.to_str().expect("text").to_owned())
    };
    let server = start(address, &[]);
    let parent = format!("00-{TRACE_ID}-{PARENT_ID}-01");
    let named = ask(&server, Some(&parent)).await.expect("named");
    assert!(
        named.starts_with(&format!("00-{TRACE_ID}-")) && !named.contains(PARENT_ID),
        "{named}"
    );
    for other in [
        None,
        Some("nonsense"),
        Some("00-00000000000000000000000000000000-0000000000000000-01"),
    ] {
        let named = ask(&server, other).await.expect("named");
        assert!(!named.contains(TRACE_ID) && named.len() == parent.len(), "{named}");
    }
    let without = Server::start();
    assert_eq!(ask(&without, Some(&parent)).await, None, "nobody collects");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_collector_affects_no_request() {
    let server = start("127.0.0.1:1".parse().expect("an address"), &[]);
    for front in FRONTS {
        let issued = front.call(&server, "upload-url", json!({"object_name": "a"})).await;
        issued.expect("issued");
    }
    assert!(server.stop().0.success());
}

/// Makes a request that has a span.
async fn request(server: &Server) {
    let name = json!({"object_name": "a"});
    let missing = FRONTS[0].call(server, "inspect-draft", name).await;
    missing.expect_err("there is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_opentelemetry_are_honoured() {
    let (collector, address) = Collector::start().await;
    let endpoint = format!("http://{address}");
    let server = Server::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hu%20sh"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=uploads,deployment.environment=test",
        ),
        ("RUST_LOG", "trace"),
    ]);
    request(&server).await;
    let (_, log) = server.stop();
    assert!(!log.contains("hu sh"), "{log}");
    let metadata = collector.1.lock().expect("not poisoned").clone();
    let metadata = metadata.first().expect("a request");
    assert_eq!(metadata.get_all("api-key").iter().collect::<Vec<_>>(), ["hu sh"]);
    assert_eq!(metadata.get("grpc-encoding").expect("compressed"), "gzip");
    let resource = format!("{:?}", collector.received()[0].resource);
    for expected in ["uploads", "deployment.environment", "test", "service.version"] {
        assert!(resource.contains(expected), "{resource}");
    }
    assert!(!resource.contains("draftstore-server"), "{resource}");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_traces_are_not_sent() {
    for disabled in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    ] {
        let (collector, address) = Collector::start().await;
        let server = start(address, &[disabled]);
        request(&server).await;
        assert!(server.stop().0.success());
        assert_eq!(collector.received(), [], "{disabled:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_that_cannot_be_delivered_are_logged_and_counted() {
    let server = Server::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", NOWHERE),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ]);
    let undelivered = "draftstore_spans_undelivered_total";
    let begun = Instant::now();
    while crate::metrics::value(&server, undelivered).await < 1.0 {
        request(&server).await;
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
    request(&server).await;
    let (_, log) = server.stop();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("traces not delivered"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains(NOWHERE), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_go_through_the_proxy() {
    let (collector, address) = Collector::start().await;
    let proxy = HttpProxy::start(address).await;
    let server = Server::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4317"),
        ("HTTP_PROXY", &proxy.url),
    ]);
    request(&server).await;
    assert!(server.stop().0.success());
    assert_eq!(proxy.lines(), ["CONNECT collector.invalid:4317 HTTP/1.1"]);
    assert!(!collector.spans().is_empty());
}
