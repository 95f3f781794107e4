//! Tests of the requests that each major version of Uppy's S3 plugin sends.

mod hostile;
mod parts;
mod sign;
mod small;

use draftstore_testing::form;
use draftstore_testing::http_client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::front::{Front, download};
use crate::server::Server;

/// The minimum size of a part, except the last one.
const MIN_PART: usize = 5 * 1024 * 1024;

/// A major version, with its encoding of query values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// A version that uses `encodeURIComponent`.
    Five,
    /// A version that uses `URLSearchParams`.
    Six,
}

const GENERATIONS: [Generation; 2] = [Generation::Five, Generation::Six];

impl Generation {
    fn query(self, name: &str, value: &str) -> String {
        let form: String = reqwest::Url::parse_with_params("http://x", [(name, value)])
            .expect("a URL")
            .query()
            .expect("a query")
            .to_owned();
        match self {
            Self::Five => form.replace('+', "%20"),
            Self::Six => form,
        }
    }

    /// Returns the `ETag` of a part in the form that this version sends.
    fn etag(self, etag: &str) -> String {
        match self {
            Self::Five => etag.to_owned(),
            Self::Six => etag.trim_matches('"').to_owned(),
        }
    }
}

/// Sends a request as Uppy does, and returns the status and the body.
async fn ask(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("http://{}/uppy/s3/{path}", server.http);
    let request = http_client()
        .request(method, url)
        .header("origin", format!("http://{}", server.http));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.expect("JSON");
    // Uppy recognizes errors by this field.
    assert_eq!(body.get("error").is_some(), status >= 400, "{status}: {body}");
    assert_eq!(body.get("message").is_some(), status >= 400, "{status}: {body}");
    (status, body)
}

/// Sends a request that must succeed, and returns the body.
async fn asked(server: &Server, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = ask(server, method, path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Sends a request that must fail, and returns the status, the code and the message.
async fn refused(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, String, String) {
    let (status, answer) = ask(server, method, path, body).await;
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    assert!(status >= 400, "{path}: {answer}");
    (status, text("error"), text("message"))
}

/// Posts the form of `params`, and returns the store's status and body.
async fn post_form(params: &Value, file: &[u8]) -> (u16, String) {
    assert_eq!(params["method"], "POST");
    let fields = params["fields"].as_object().expect("fields").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let fields = fields.map(|(name, value)| (name.clone(), text(value))).collect();
    let (content_type, body) = form(&fields, file);
    let url = params["url"].as_str().expect("a URL");
    let post = http_client().post(url).header("content-type", content_type).body(body);
    let answer = post.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// Confirms the draft with the key from the page, and returns the name in main and the bytes.
async fn confirm(server: &Server, key: &Value) -> (String, Vec<u8>) {
    let request = json!({ "object_name": key });
    let confirmed = Front::Rest
        .call(server, "confirm-upload", request)
        .await
        .expect("confirmed");
    let location = confirmed["final_location"].as_str().expect("a location");
    let name = location.strip_prefix("main/").expect("in main").to_owned();
    let request = json!({"object_name": name, "stage": "STAGE_MAIN"});
    let found = Front::Rest.call(server, "download-url", request).await.expect("there");
    let bytes = download(&found).await.bytes().await.expect("bytes");
    (name, bytes.to_vec())
}
