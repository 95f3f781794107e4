//! Bodies in forms that are not plain JSON or an uncompressed message.

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_proto::v1::{BatchConfirmUploadsRequest, ConfirmUploadRequest, GetUploadUrlRequest};
use reqwest::Client;
use serde_json::Value;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::server::Server;

#[tokio::test]
async fn rest_reads_every_form_of_json_and_explains_encodings() {
    let server = Server::start();
    let url = format!("http://{}/api/v1/upload-url", server.http);
    for (encoding, body, status) in [
        (
            "identity",
            "{\"object_name\":\"a\",\"unique\":null,\"metadata\":null,\"content_length\":1e3}",
            200,
        ),
        (
            "identity",
            "\u{feff}{\"object_name\":\"a\",\"content_length\":\"1000.0\"}",
            200,
        ),
        ("gzip", "{\"object_name\":\"a\"}", 415),
        ("br", "", 415),
    ] {
        let request = Client::new().post(&url).header("content-encoding", encoding).body(body);
        let response = request.send().await.expect("a response");
        assert_eq!(response.status(), status, "{encoding} {body}");
        let said: Value = response.json().await.expect("JSON");
        if status == 415 {
            assert_eq!(said["code"], "UNSUPPORTED_ENCODING");
        } else if let Some(length) = said["headers"].get("content-length") {
            assert_eq!(length, "1000");
        }
    }
}

#[tokio::test]
async fn grpc_reads_and_writes_gzip_within_the_limit_of_messages() {
    let server = Server::start();
    let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let channel = endpoint.connect().await.expect("connects");
    let gzip = CompressionEncoding::Gzip;
    let mut client = DraftServiceClient::new(channel.clone())
        .send_compressed(gzip)
        .accept_compressed(gzip);
    let request = GetUploadUrlRequest {
        object_name: "a".to_owned(),
        ..GetUploadUrlRequest::default()
    };
    let response = client.get_upload_url(request).await.expect("issued");
    assert_eq!(response.metadata().get("grpc-encoding").expect("compressed"), "gzip");
    assert_eq!(response.into_inner().object_name, "a");

    // It has 4 MiB, and is sent as a few kilobytes.
    let confirm = ConfirmUploadRequest {
        object_name: "a".repeat(4 * 1024 * 1024),
        ..ConfirmUploadRequest::default()
    };
    let bomb = BatchConfirmUploadsRequest {
        uploads: vec![confirm],
        ..BatchConfirmUploadsRequest::default()
    };
    let status = client.batch_confirm_uploads(bomb).await.expect_err("too large");
    assert!(
        matches!(
            status.code(),
            Code::InvalidArgument | Code::ResourceExhausted | Code::OutOfRange
        ),
        "{status:?}"
    );

    let mut health = HealthClient::new(channel).send_compressed(gzip).accept_compressed(gzip);
    let check = health.check(HealthCheckRequest::default()).await;
    check.expect("a response");
}
