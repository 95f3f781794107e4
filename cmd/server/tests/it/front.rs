//! A common client for both fronts: JSON in, JSON or a failure out.

use std::time::Instant;

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::form;
use draftstore_testing::http_client;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tonic::client::GrpcService;
use tonic::codegen::{Body, StdError};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::server::Server;

/// The SHA-256 of `hello`, in base64.
pub(crate) const HELLO_SHA256: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

/// Both fronts of the API.
pub(crate) const FRONTS: [Front; 2] = [Front::Rest, Front::Grpc];

/// The front that a test calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Rest,
    Grpc,
}

/// A failed call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status. For gRPC, the status that the error table has for the code.
    pub(crate) code: FailureCode,
    /// The stable reason.
    pub(crate) reason: String,
    /// The invalid fields.
    pub(crate) fields: Vec<String>,
    /// The rules of the fields, in their order.
    pub(crate) rules: Vec<String>,
    /// True if the response has the time of a retry.
    pub(crate) retry: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FailureCode {
    Http(u16),
    Grpc(Code),
}

impl Failure {
    /// Asserts the HTTP status or the gRPC code, and the reason.
    pub(crate) fn assert(&self, http: u16, grpc: Code, reason: &str) {
        let expected = match self.code {
            FailureCode::Http(_) => FailureCode::Http(http),
            FailureCode::Grpc(_) => FailureCode::Grpc(grpc),
        };
        assert_eq!((&self.code, self.reason.as_str()), (&expected, reason), "{self:?}");
    }
}

impl Front {
    /// Calls the REST route with this name, or its rpc, with the request as JSON.
    pub(crate) async fn call(self, server: &Server, route: &str, request: Value) -> Result<Value, Failure> {
        self.call_with(&[], server, route, request).await
    }

    /// Calls with additional headers.
    pub(crate) async fn call_with(
        self,
        headers: &[(&'static str, &str)],
        server: &Server,
        route: &str,
        request: Value,
    ) -> Result<Value, Failure> {
        match self {
            Self::Rest => {
                let url = format!("http://{}/api/v1/{route}", server.http);
                let post = http_client().post(url).json(&request);
                let post = headers
                    .iter()
                    .fold(post, |post, (name, value)| post.header(*name, *value));
                rest_answer(post.send().await.expect("an answer")).await
            }
            Self::Grpc => {
                let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc)).expect("a URL");
                let channel = endpoint.connect().await.expect("connects");
                let with_headers = |mut request: Request<()>| {
                    for (name, value) in headers {
                        request.metadata_mut().append(*name, value.parse().expect("a value"));
                    }
                    Ok(request)
                };
                let client = DraftServiceClient::with_interceptor(channel, with_headers);
                grpc(client, route, request).await
            }
        }
    }

    /// Returns a name that is unique to this front, because both fronts run the same case.
    pub(crate) fn name(self, name: &str) -> String {
        format!("{self:?}/{name}")
    }
}

/// Calls REST with an existing client.
pub(crate) async fn rest(
    client: &reqwest::Client,
    server: &Server,
    route: &str,
    request: &Value,
) -> Result<Value, Failure> {
    let url = format!("http://{}/api/v1/{route}", server.http);
    let answer = client.post(url).json(request).send().await.expect("an answer");
    rest_answer(answer).await
}

/// Returns the message or the failure of a REST response.
pub(crate) async fn rest_answer(answer: reqwest::Response) -> Result<Value, Failure> {
    let status = answer.status();
    let retry = answer.headers().contains_key("retry-after");
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let kind = answer.headers()["content-type"].to_str().expect("ASCII").to_owned();
    if kind == "text/event-stream" {
        return Ok(Events::of(answer).next().await.expect("an event").data);
    }
    let body: Value = answer.json().await.expect("JSON");
    if status.is_success() {
        assert_eq!(kind, "application/json");
        return Ok(body);
    }
    assert_eq!(kind, "application/problem+json");
    assert_eq!(body["status"], status.as_u16());
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    Err(Failure {
        code: FailureCode::Http(status.as_u16()),
        reason: body["code"].as_str().expect("a code").to_owned(),
        fields: errors
            .iter()
            .map(|error| error["field"].as_str().expect("a field").to_owned())
            .collect(),
        rules: errors
            .iter()
            .map(|error| error["detail"].as_str().expect("a rule").to_owned())
            .collect(),
        retry,
    })
}

/// Calls gRPC with an existing client.
pub(crate) async fn grpc<T>(mut client: DraftServiceClient<T>, route: &str, request: Value) -> Result<Value, Failure>
where
    T: GrpcService<tonic::body::Body, Error: Into<StdError>>,
    T::ResponseBody: Body<Data = tonic::codegen::Bytes, Error: Into<StdError> + Send> + Send + 'static,
{
    let answer = match route {
        "draft-bucket" => client.create_draft_bucket(message(request)).await.map(answer_json),
        "upload-url" => client.get_upload_url(message(request)).await.map(answer_json),
        "download-url" => client.get_download_url(message(request)).await.map(answer_json),
        "confirm-upload" => client.confirm_upload(message(request)).await.map(answer_json),
        "confirm-uploads" => client.batch_confirm_uploads(message(request)).await.map(answer_json),
        "inspect-draft" => client.inspect_draft(message(request)).await.map(answer_json),
        "report-scan" => client.report_scan(message(request)).await.map(answer_json),
        "check-draft" => client.check_draft(message(request)).await.map(answer_json),
        "watch-draft" => match client.watch_draft(message(request)).await {
            Ok(stream) => Ok(first_of_stream(stream.into_inner()).await),
            Err(status) => Err(status),
        },
        "discard-draft" => client.discard_draft(message(request)).await.map(answer_json),
        "list-drafts" => client.list_drafts(message(request)).await.map(answer_json),
        "upload-urls" => client.batch_get_upload_ur_ls(message(request)).await.map(answer_json),
        "list-objects" => client.list_objects(message(request)).await.map(answer_json),
        "get-object" => client.get_object(message(request)).await.map(answer_json),
        "delete-object" => client.delete_object(message(request)).await.map(answer_json),
        "delete-objects" => client.batch_delete_objects(message(request)).await.map(answer_json),
        "update-object" => client.update_object(message(request)).await.map(answer_json),
        "copy-object" => client.copy_object(message(request)).await.map(answer_json),
        "move-object" => client.move_object(message(request)).await.map(answer_json),
        "list-versions" => client.list_versions(message(request)).await.map(answer_json),
        "restore-version" => client.restore_version(message(request)).await.map(answer_json),
        "delete-version" => client.delete_version(message(request)).await.map(answer_json),
        "multipart/create" => client.create_multipart_upload(message(request)).await.map(answer_json),
        "multipart/sign-parts" => client.sign_parts(message(request)).await.map(answer_json),
        "multipart/list-parts" => client.list_parts(message(request)).await.map(answer_json),
        "multipart/complete" => client
            .complete_multipart_upload(message(request))
            .await
            .map(answer_json),
        "restore-object" => client.restore_object(message(request)).await.map(answer_json),
        "usage" => client.get_usage(message(request)).await.map(answer_json),
        "list-undelivered-events" => client.list_undelivered_events(message(request)).await.map(answer_json),
        "list-events" => client.list_events(message(request)).await.map(answer_json),
        "watch-events" => match client.watch_events(message(request)).await {
            Ok(stream) => Ok(first_of_stream(stream.into_inner()).await),
            Err(status) => Err(status),
        },
        "redeliver-events" => client.redeliver_events(message(request)).await.map(answer_json),
        "tickets" => client.create_ticket(message(request)).await.map(answer_json),
        "multipart/abort" => client.abort_multipart_upload(message(request)).await.map(answer_json),
        other => panic!("no rpc for {other}"),
    };
    answer.map_err(|status| failure(&status))
}

fn message<T: DeserializeOwned>(json: Value) -> Request<T> {
    Request::new(serde_json::from_value(json).expect("a message of the contract"))
}

fn answer_json<T: Serialize>(answer: Response<T>) -> Value {
    serde_json::to_value(answer.into_inner()).expect("JSON")
}

/// Returns the failure of a gRPC status, with the details that every error of the contract has.
pub(crate) fn failure(status: &Status) -> Failure {
    let details = status.get_error_details();
    let info = details.error_info().expect("ErrorInfo");
    assert_eq!(info.domain, "draftstore");
    let bad_request = details.bad_request().map(|bad| {
        bad.field_violations
            .iter()
            .map(|v| (v.field.clone(), v.description.clone()))
    });
    let pins = details.precondition_failure().map(|failure| {
        failure
            .violations
            .iter()
            .map(|v| (v.subject.clone(), v.description.clone()))
    });
    let (fields, rules) = bad_request
        .into_iter()
        .flatten()
        .chain(pins.into_iter().flatten())
        .unzip();
    Failure {
        code: FailureCode::Grpc(status.code()),
        reason: info.reason.clone(),
        fields,
        rules,
        retry: details.retry_info().is_some(),
    }
}

/// Returns the first message of a stream, or null of an empty one.
async fn first_of_stream<T: Serialize>(mut stream: Streaming<T>) -> Value {
    let first = stream.message().await.expect("a message");
    first.map_or(Value::Null, |first| serde_json::to_value(first).expect("JSON"))
}

/// An event of a stream.
#[derive(Debug)]
pub(crate) struct Event {
    /// The ID, if the event has one.
    pub(crate) id: Option<String>,
    /// The name, if the event has one.
    pub(crate) name: Option<String>,
    /// The decoded JSON.
    pub(crate) data: Value,
}

/// The events of a REST response.
#[derive(Debug)]
pub(crate) struct Events {
    answer: reqwest::Response,
    buffer: String,
}

impl Events {
    pub(crate) fn of(answer: reqwest::Response) -> Self {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let buffer = String::new();
        Self { answer, buffer }
    }

    /// Returns the next event, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let event = event.to_owned();
                self.buffer = String::from(rest);
                let field = |name: &str| {
                    let value = event
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    value.map(str::to_owned)
                };
                // A comment keeps the connection alive.
                let Some(data) = field("data") else { continue };
                return Some(Event {
                    id: field("id"),
                    name: field("event"),
                    data: serde_json::from_str(&data).expect("JSON"),
                });
            }
            let chunk = self.answer.chunk().await.expect("a chunk")?;
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }
}

/// Uploads as described in the response of upload-url, and returns the store's status.
pub(crate) async fn upload(issued: &Value, bytes: impl Into<reqwest::Body>) -> u16 {
    assert_eq!(issued["method"], "PUT");
    put(issued, bytes).await.status().as_u16()
}

/// Sends a PUT to a URL with its headers, and returns the store's response.
pub(crate) async fn put(signed: &Value, bytes: impl Into<reqwest::Body>) -> reqwest::Response {
    let headers: HeaderMap = signed["headers"]
        .as_object()
        .expect("headers")
        .iter()
        .map(|(name, value)| {
            (
                name.parse().expect("a name"),
                value.as_str().expect("text").parse().expect("a value"),
            )
        })
        .collect();
    let url = signed["upload_url"].as_str().expect("a URL");
    let put = http_client().put(url).headers(headers).body(bytes);
    put.send().await.expect("an answer")
}

/// Uploads with the form of a response, and returns the store's status.
pub(crate) async fn upload_form(issued: &Value, bytes: &[u8]) -> u16 {
    assert_eq!((&issued["method"], &issued["headers"]), (&json!("POST"), &json!({})));
    let fields = issued["fields"].as_object().expect("fields").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let fields = fields.map(|(name, value)| (name.clone(), text(value))).collect();
    let (content_type, body) = form(&fields, bytes);
    let url = issued["upload_url"].as_str().expect("a URL");
    let post = http_client().post(url).header("content-type", content_type);
    post.body(body).send().await.expect("an answer").status().as_u16()
}

/// Uploads a draft with this name.
pub(crate) async fn draft(server: &Server, name: &str, bytes: &'static [u8]) {
    let issued = Front::Rest
        .call(server, "upload-url", json!({ "object_name": name }))
        .await
        .expect("issued");
    assert_eq!(upload(&issued, bytes).await, 200);
}

/// Waits until a confirmed draft is deleted, which is shortly after the response to its confirm.
pub(crate) async fn wait_until_deleted(server: &Server, name: &str) {
    let begun = Instant::now();
    let draft = json!({ "object_name": name });
    while Front::Rest.call(server, "inspect-draft", draft.clone()).await.is_ok() {
        assert!(begun.elapsed().as_secs() < 20, "{name} is not deleted");
    }
}

/// Sends a GET to a download URL.
pub(crate) async fn download(issued: &Value) -> reqwest::Response {
    let url = issued["download_url"].as_str().expect("a URL");
    http_client().get(url).send().await.expect("an answer")
}
