//! Requests that gRPC cannot decode: the caller's failure, not the server's.

use draftstore_proto::FILE_DESCRIPTOR_SET;
use draftstore_testing::http_client;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::hostile::raw_grpc::RawGrpc;
use crate::metrics::series;
use crate::server::Server;

/// Bodies that are no message of any call, each with its encoding.
const BODIES: [(&str, &[u8], Option<&str>); 9] = [
    ("no envelope", b"", None),
    ("half an envelope", b"\0\0\0", None),
    ("half a message", b"\0\0\0\0\x09abc", None),
    ("an unknown flag", b"\x05\0\0\0\0", None),
    ("a compression without a name", b"\x01\0\0\0\x01a", None),
    ("a compression that is none", b"\x01\0\0\0\x04abcd", Some("gzip")),
    ("a field without its end", b"\0\0\0\0\x02\x0a\x09", None),
    ("a wire type that does not exist", b"\0\0\0\0\x01\x0f", None),
    ("a field with the number zero", b"\0\0\0\0\x02\0\x01", None),
];

/// Returns the path of every unary method of the contract, and of health.
fn paths() -> Vec<String> {
    let sets = [FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET];
    let mut paths = Vec::new();
    for file in sets
        .iter()
        .flat_map(|set| FileDescriptorSet::decode(*set).expect("descriptors").file)
    {
        for service in &file.service {
            let unary = service.method.iter().filter(|method| !method.server_streaming());
            paths.extend(unary.map(|method| format!("/{}.{}/{}", file.package(), service.name(), method.name())));
        }
    }
    paths
}

/// Sends a body by gRPC-Web, and returns the status.
async fn send_web(server: &Server, path: &str, body: &'static [u8], encoding: Option<&str>) -> Result<(), Status> {
    let post = http_client().post(format!("http://{}{path}", server.grpc));
    let post = encoding
        .into_iter()
        .fold(post, |post, name| post.header("grpc-encoding", name));
    let post = post.header("content-type", "application/grpc-web+proto").body(body);
    let response = post.send().await.expect("a response");
    assert_eq!(response.status(), 200);
    Err(Status::from_header_map(response.headers()).expect("a status"))
}

#[tokio::test(flavor = "multi_thread")]
async fn undecodable_requests_are_invalid_and_no_failure_of_the_server() {
    let server = Server::start();
    let raw = RawGrpc::connect(&server.grpc).await;
    let paths = paths();
    assert!(paths.len() > 15, "{paths:?}");
    for path in &paths {
        for (what, body, encoding) in BODIES {
            for result in [
                raw.send(path, body, encoding).await,
                send_web(&server, path, body, encoding).await,
            ] {
                let status = result.expect_err(what);
                assert_eq!(status.code(), Code::InvalidArgument, "{path}: {what}: {status:?}");
                let details = status.get_error_details();
                assert_eq!(
                    details.error_info().expect("a reason").reason,
                    "INVALID_REQUEST",
                    "{path}: {what}"
                );
            }
        }
    }
    let series = series(&server).await;
    let is_counted = |name: &str| name.starts_with("draftstore_requests_total{") && name.contains(r#"front="grpc""#);
    let counted = series.iter().filter(|(name, count)| is_counted(name) && **count > 0.0);
    let counted: Vec<_> = counted.map(|(name, _)| name).collect();
    assert_eq!(counted.len(), paths.len(), "{counted:?}");
    assert!(
        counted.iter().all(|name| name.contains(r#"code="INVALID_ARGUMENT""#)),
        "{counted:?}"
    );
    let (_, log) = server.stop();
    assert!(!log.contains(r#""ERROR""#) && !log.contains(r#""WARN""#), "{log}");
}
