//! The cells of Uppy's routes, which only REST has.

use draftstore_testing::http_client;
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::{Caller, Callers};
use super::tenant::{Foreign, Tenant, whole_key};
use draftstore_service::Scope;

/// The response of a route: its status, and its body without values that are new each time.
type Answer = (u16, Value);

async fn ask(caller: &Caller, own: &Tenant<'_>, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let url = format!("http://{}/uppy/s3/{path}", own.server.http);
    let mut request = http_client().request(method, url);
    if let Some(authorization) = &caller.authorization {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Returns the method, path and body of each route for an upload.
fn routes(key: &str, upload_id: &str) -> Vec<(Method, String, Option<Value>)> {
    let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
    let of_upload = |rest: &str| format!("multipart/{upload_id}{rest}key={key}");
    vec![
        (Method::GET, of_upload("?"), None),
        (Method::GET, of_upload("/1?"), None),
        (Method::GET, of_upload("/batch?partNumbers=1,2&"), None),
        (
            Method::POST,
            of_upload("/complete?"),
            Some(json!({"parts": [{"PartNumber": 1, "ETag": "x"}]})),
        ),
        (Method::DELETE, of_upload("?"), None),
    ]
}

/// Returns the routes that create something.
fn beginnings() -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::GET, "params?filename=t10%2Fa&type=text/plain".to_owned(), None),
        (Method::POST, "multipart".to_owned(), Some(json!({"filename": "t10/a"}))),
        (
            Method::POST,
            "sign".to_owned(),
            Some(json!({"method": "PUT", "key": "t10/a"})),
        ),
    ]
}

/// Checks own objects and those of another tenant. Returns the number of cells.
pub(super) async fn check(caller: &Caller, own: &Tenant<'_>, foreign: &Foreign) -> usize {
    let allowed = caller.scopes.contains(Scope::Upload);
    let mut cells = 0;
    for (method, path, body) in beginnings() {
        let (status, answer) = ask(caller, own, method, &path, body.as_ref()).await;
        let place = format!("{path} by {}: {answer}", caller.name);
        if allowed {
            assert_eq!(status, 200, "{place}");
            let said = [&answer["key"], &answer["fields"]["key"], &answer["url"]];
            assert!(
                said.into_iter()
                    .filter_map(Value::as_str)
                    .any(|said| said.contains("t1/")),
                "{place}"
            );
        } else {
            assert_eq!(
                (status, &answer["error"]),
                (403, &json!("PERMISSION_DENIED")),
                "{place}"
            );
        }
        cells += 1;
    }
    let (key, upload_id) = begun(caller, own, allowed).await;
    let (their_key, their_id) = &foreign.parts;
    let absent_key = whole_key("7ZZZZZZZZZ0000000000000000", "t10/parts");
    let theirs = routes(their_key, their_id)
        .into_iter()
        .zip(routes(&absent_key, their_id));
    for ((method, path, body), (_, absent, _)) in theirs {
        let asked = ask(caller, own, method.clone(), &path, body.as_ref()).await;
        if allowed {
            let not_there = ask(caller, own, method, &absent, body.as_ref()).await;
            assert_eq!(asked, not_there, "{path} by {}", caller.name);
        } else {
            assert_eq!(
                (asked.0, &asked.1["error"]),
                (403, &json!("PERMISSION_DENIED")),
                "{path}"
            );
        }
        cells += 1;
    }
    for (method, path, body) in routes(&key, &upload_id) {
        let completes = path.contains("/complete");
        let (status, answer) = ask(caller, own, method, &path, body.as_ref()).await;
        // The part has not arrived.
        let expected = if completes { 412 } else { 200 };
        assert_eq!(
            status,
            if allowed { expected } else { 403 },
            "{path} by {}: {answer}",
            caller.name
        );
        cells += 1;
    }
    cells
}

/// Creates an upload of the caller, or invents one if it may create none.
async fn begun(caller: &Caller, own: &Tenant<'_>, allowed: bool) -> (String, String) {
    if !allowed {
        return (whole_key("7ZZZZZZZZZ0000000000000000", "none"), "none".to_owned());
    }
    let body = json!({"filename": own.fresh()});
    let (_, created) = ask(caller, own, Method::POST, "multipart", Some(&body)).await;
    let text = |name: &str| created[name].as_str().expect("text").to_owned();
    (text("key"), text("uploadId"))
}

/// Checks requests without credentials, and with invalid ones.
pub(super) async fn nobody(callers: &Callers, own: &Tenant<'_>) -> usize {
    let mut cells = 0;
    for caller in &callers.nobodies {
        for (method, path, body) in beginnings().into_iter().chain(routes("none", "none")) {
            let (status, answer) = ask(caller, own, method, &path, body.as_ref()).await;
            assert_eq!((status, &answer["error"]), (401, &json!(caller.refused_as())), "{path}");
            cells += 1;
        }
    }
    cells
}
