//! Tests of the policies under `manifest/iam` against the requests that the server sends, and those that its URLs allow.

use std::collections::BTreeSet;

use draftstore_storage::Operation;
use draftstore_testing::proxy::{
    FaultProxy, FaultReply, InjectedError, InjectedFault, Moment, Request, RequestFilter, RequestRange,
};
use draftstore_testing::{Embedded, StoreEndpoint, http_client, keep_versions, lock_objects};
use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front, upload, upload_form};
use crate::server::Server;

/// An action and its resource: the objects of a bucket, or the bucket.
type Right = (&'static str, String);

/// A right in a policy.
type Granted = (String, String);

const MAIN: &str = "main";
const DRAFT: &str = "main-draft";

/// Returns the rights that AWS requires for a request.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
fn needed(request: &Request) -> Vec<Right> {
    let bucket = request.bucket.as_str();
    let object = |action| (action, format!("arn:aws:s3:::{bucket}/*"));
    let whole = |action| (action, format!("arn:aws:s3:::{bucket}"));
    // The copies of objects in main need the same right there.
    let source = ("s3:GetObject", format!("arn:aws:s3:::{DRAFT}/*"));
    match request.operation {
        Operation::HeadObject if request.of_version => {
            vec![object("s3:GetObjectVersion"), whole("s3:ListBucket")]
        }
        Operation::GetObject if request.of_version => vec![object("s3:GetObjectVersion")],
        Operation::CopyObject if request.of_version => {
            vec![object("s3:PutObject"), object("s3:GetObjectVersion")]
        }
        Operation::DeleteObject if request.of_version => vec![object("s3:DeleteObjectVersion")],
        Operation::ListObjectVersions => vec![whole("s3:ListBucketVersions")],
        Operation::GetObjectLockConfiguration => vec![whole("s3:GetBucketObjectLockConfiguration")],
        Operation::GetBucketVersioning => vec![whole("s3:GetBucketVersioning")],
        // Without ListBucket a missing object is 403 instead of 404.
        Operation::HeadObject => vec![object("s3:GetObject"), whole("s3:ListBucket")],
        Operation::GetObject => vec![object("s3:GetObject")],
        Operation::GetObjectTagging if request.of_version => vec![object("s3:GetObjectVersionTagging")],
        Operation::RestoreObject => vec![object("s3:RestoreObject")],
        Operation::GetObjectTagging => vec![object("s3:GetObjectTagging")],
        Operation::PutObjectLegalHold => vec![object("s3:PutObjectLegalHold")],
        Operation::PutObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart
        | Operation::CompleteMultipartUpload => vec![object("s3:PutObject")],
        Operation::CopyObject | Operation::UploadPartCopy => vec![object("s3:PutObject"), source],
        Operation::DeleteObject | Operation::DeleteObjects => vec![object("s3:DeleteObject")],
        Operation::AbortMultipartUpload => vec![object("s3:AbortMultipartUpload")],
        Operation::ListParts => vec![object("s3:ListMultipartUploadParts")],
        Operation::ListObjectsV2 | Operation::HeadBucket => vec![whole("s3:ListBucket")],
        Operation::ListMultipartUploads => vec![whole("s3:ListBucketMultipartUploads")],
        Operation::CreateBucket => vec![whole("s3:CreateBucket")],
        Operation::PutBucketCors => vec![whole("s3:PutBucketCORS")],
        Operation::GetBucketLifecycleConfiguration => vec![whole("s3:GetLifecycleConfiguration")],
        Operation::PutBucketLifecycleConfiguration | Operation::Presign | Operation::Other => {
            panic!("the server does not ask for {:?}", request.operation)
        }
    }
}

/// Returns the rights that a policy allows. The policies here have no denials, conditions or patterns, except all objects.
fn allowed(policy: &str) -> BTreeSet<Granted> {
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    let all = |value: &Value| match value.as_str() {
        Some(one) => vec![one.to_owned()],
        None => serde_json::from_value(value.clone()).expect("a list of texts"),
    };
    let mut rights = BTreeSet::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(
            (&statement["Effect"], statement.get("Condition")),
            (&json!("Allow"), None)
        );
        for action in all(&statement["Action"]) {
            for resource in all(&statement["Resource"]) {
                rights.insert((action.clone(), resource));
            }
        }
    }
    rights
}

fn asked(requests: &[Request]) -> BTreeSet<Granted> {
    let rights = requests.iter().flat_map(needed);
    rights.map(|(action, resource)| (action.to_owned(), resource)).collect()
}

/// Returns the right that only drafts over 5 GiB need, whose failed copies are aborted.
fn large() -> Granted {
    ("s3:AbortMultipartUpload".to_owned(), format!("arn:aws:s3:::{MAIN}/*"))
}

fn without(rights: &BTreeSet<Granted>, one: &Granted) -> BTreeSet<Granted> {
    rights.iter().filter(|right| *right != one).cloned().collect()
}

/// Starts a server that calls its store through the first proxy, and signs URLs for the second.
pub(crate) fn server(calls: &StoreEndpoint, urls: &StoreEndpoint, more: &[(&str, &str)]) -> Server {
    let variables: [(&str, &str); 6] = [
        ("S3_ENDPOINT", &calls.url),
        ("S3_PUBLIC_ENDPOINT", &urls.url),
        ("AWS_REGION", &calls.region),
        ("AWS_ACCESS_KEY_ID", &calls.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &calls.secret_access_key),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
    ];
    Server::start_with(&[&variables[..], more].concat())
}

pub(crate) async fn call(server: &Server, route: &str, request: Value) -> Value {
    let answer = Front::Rest.call(server, route, request).await;
    answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
}

async fn draft(server: &Server, name: &str) {
    let issued = call(server, "upload-url", json!({ "object_name": name })).await;
    assert_eq!(upload(&issued, "x").await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policies_allow_exactly_the_requests() {
    let store = Embedded::start().await;
    let (calls, urls) = (
        FaultProxy::start(&store.endpoint()),
        FaultProxy::start(&store.endpoint()),
    );
    let setup = server(&calls.endpoint(), &urls.endpoint(), &[]);
    let before = calls.requests().len();
    call(&setup, "draft-bucket", json!({})).await;
    let made = calls.requests();
    let made: Vec<_> = made[before..]
        .iter()
        .filter(|request| matches!(request.operation, Operation::CreateBucket | Operation::PutBucketCors))
        .cloned()
        .collect();
    assert_eq!(
        asked(&made),
        allowed(include_str!("../../../../manifest/iam/setup.json"))
    );
    drop(setup);

    let start = calls.requests().len();
    let server = server(&calls.endpoint(), &urls.endpoint(), &[]);
    all_calls(&server).await;

    let run = calls.requests()[start..].to_vec();
    let mut rights = asked(&run);
    rights.insert(large());
    let plain = allowed(include_str!("../../../../manifest/iam/server.json"));
    assert_eq!(rights, plain);

    // Callers delete what was confirmed, and update, copy and move it.
    call(
        &server,
        "update-object",
        json!({"object_name": "named", "metadata": {"a": "1"}}),
    )
    .await;
    call(
        &server,
        "copy-object",
        json!({"object_name": "named", "destination_name": "copied"}),
    )
    .await;
    call(
        &server,
        "move-object",
        json!({"object_name": "copied", "destination_name": "moved"}),
    )
    .await;
    call(&server, "restore-object", json!({"object_name": "moved", "days": 1})).await;
    call(&server, "delete-object", json!({"object_name": "named"})).await;
    let batch = json!({"objects": [{"object_name": "other"}]});
    assert_eq!(call(&server, "delete-objects", batch).await["success"], true);
    let manage = allowed(include_str!("../../../../manifest/iam/server-manage.json"));
    assert_eq!(asked(&calls.requests()[start..]), without(&manage, &large()));

    // A failed atomic batch is rolled back.
    draft(&server, "kept").await;
    let batch = json!({"uploads": [{"object_name": "kept"}, {"object_name": "absent"}], "atomic": true});
    assert_eq!(call(&server, "confirm-uploads", batch).await["success"], false);
    for name in ["taken-1", "taken-2"] {
        draft(&server, name).await;
    }
    let copies = RequestFilter::of(Operation::CopyObject).on(&MAIN.parse().expect("a name"));
    let mut second = calls.pause_at(copies.clone(), 2, Moment::Before);
    let before = calls.requests().len();
    let batch = json!({"uploads": [{"object_name": "taken-1"}, {"object_name": "taken-2"}], "atomic": true});
    let gone = async {
        second.arrived().await;
        let requests = calls.requests();
        let held = requests[before..].iter().filter(|request| copies.is(request)).nth(1);
        let key = held.and_then(|request| request.key.as_ref()).expect("a key");
        let store = draftstore_testing::sdk(&store.endpoint());
        let delete = store.delete_object().bucket(DRAFT).key(key.as_str());
        delete.send().await.expect("deleted");
        second.let_go().await;
    };
    let (answer, ()) = tokio::join!(call(&server, "confirm-uploads", batch), gone);
    assert_eq!(answer["success"], false);
    assert_eq!(asked(&calls.requests()[start..]), without(&manage, &large()));

    let by_clients = urls.requests().into_iter();
    let uploads: Vec<_> = by_clients
        .filter(|request| request.operation != Operation::GetObject)
        .collect();
    let signer = allowed(include_str!("../../../../manifest/iam/signer.json"));
    assert_eq!(asked(&uploads), signer);
}

/// Sends every call of the contract, and the requests of the clients.
pub(crate) async fn all_calls(server: &Server) {
    for name in ["named", "other", "thrown"] {
        draft(server, name).await;
    }
    let form = call(
        server,
        "upload-url",
        json!({"object_name": "form", "max_content_length": 5}),
    )
    .await;
    assert_eq!(upload_form(&form, b"hello").await, 201);
    call(server, "upload-url", json!({"object_name": "u", "unique": true})).await;
    for end in ["complete", "abort"] {
        let created = call(server, "multipart/create", json!({"object_name": "parts"})).await;
        let named = json!({"object_name": "parts", "upload_id": created["upload_id"]});
        let mut sign = named.clone();
        sign["parts"] = json!([{"part_number": 1}]);
        let mut part = call(server, "multipart/sign-parts", sign).await["parts"][0].clone();
        part["method"] = json!("PUT");
        assert_eq!(upload(&part, "x").await, 200);
        call(server, "multipart/list-parts", named.clone()).await;
        call(server, &format!("multipart/{end}"), named).await;
    }
    let begun = sign(server, Method::POST, json!({})).await;
    let id = begun
        .split_once("<UploadId>")
        .and_then(|(_, rest)| rest.split_once("</UploadId>"));
    let (id, _) = id.expect("an ID");
    sign(server, Method::GET, json!({ "uploadId": id })).await;
    sign(server, Method::DELETE, json!({ "uploadId": id })).await;
    call(server, "inspect-draft", json!({"object_name": "named"})).await;
    call(server, "confirm-upload", json!({"object_name": "named"})).await;
    call(
        server,
        "confirm-uploads",
        json!({"uploads": [{"object_name": "other"}]}),
    )
    .await;
    call(server, "discard-draft", json!({"object_name": "thrown"})).await;
    call(server, "list-drafts", json!({})).await;
    call(server, "list-objects", json!({})).await;
    call(server, "get-object", json!({"object_name": "named"})).await;
    let read = call(server, "download-url", json!({"object_name": "named"})).await;
    assert_eq!(crate::front::download(&read).await.status(), 200);
}

/// Signs a request as Uppy 6 does, and sends it.
async fn sign(server: &Server, method: Method, mut request: Value) -> String {
    request["key"] = json!("signed");
    request["method"] = json!(method.as_str());
    let client = http_client();
    let signed = client
        .post(format!("http://{}/uppy/s3/sign", server.http))
        .json(&request);
    let signed: Value = signed.send().await.expect("an answer").json().await.expect("JSON");
    let sent = client.request(method, signed["url"].as_str().expect("a URL")).send();
    let answer = sent.await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.text().await.expect("text")
}

/// The policy of a server that does not delete in main.
#[tokio::test(flavor = "multi_thread")]
async fn delete_without_the_right_says_so() {
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let server = server(&calls.endpoint(), &store.endpoint(), &[]);
    call(&server, "draft-bucket", json!({})).await;
    draft(&server, "a").await;
    call(&server, "confirm-upload", json!({"object_name": "a"})).await;
    let denied = InjectedFault::Before(FaultReply::Error(InjectedError::AccessDenied));
    for operation in [Operation::DeleteObject, Operation::DeleteObjects] {
        let deletes = RequestFilter::of(operation).on(&MAIN.parse().expect("a name"));
        calls.plan(deletes, RequestRange::ALL, denied);
    }
    for front in FRONTS {
        let name = json!({"object_name": "a"});
        let refused = front
            .call(&server, "delete-object", name.clone())
            .await
            .expect_err("denied");
        refused.assert(412, Code::FailedPrecondition, "DELETES_NOT_CONFIGURED");
        let batch = json!({ "objects": [name] });
        let answer = front.call(&server, "delete-objects", batch).await.expect("outcomes");
        assert_eq!(answer["outcomes"][0]["error"]["reason"], "DELETES_NOT_CONFIGURED");
        let kept = front.call(&server, "get-object", name).await.expect("there");
        assert_eq!(kept["size"], "1");
    }
}

/// The rights that headers of copies need are not in the log of requests, so that this policy may allow more.
#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_for_options_allows_the_requests() {
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let setup = server(&calls.endpoint(), &store.endpoint(), &[]);
    call(&setup, "draft-bucket", json!({})).await;
    drop(setup);
    let main = MAIN.parse().expect("a name");
    keep_versions(&store.endpoint(), &main).await;
    lock_objects(&store.endpoint(), &main).await;

    let start = calls.requests().len();
    let server = server(&calls.endpoint(), &store.endpoint(), &[]);
    draft(&server, "a").await;
    let options = json!({"tags": {"a": "1"}, "storage_class": "STANDARD_IA", "legal_hold": true});
    call(
        &server,
        "confirm-upload",
        json!({"object_name": "a", "storage_options": options}),
    )
    .await;
    assert_eq!(
        call(&server, "get-object", json!({"object_name": "a"})).await["tags"],
        options["tags"]
    );
    call(
        &server,
        "update-object",
        json!({"object_name": "a", "remove": ["tags"]}),
    )
    .await;
    let released = json!({"object_name": "a", "storage_options": {"legal_hold": false}});
    call(&server, "update-object", released).await;
    call(
        &server,
        "move-object",
        json!({"object_name": "a", "destination_name": "b"}),
    )
    .await;
    let policy = allowed(include_str!("../../../../manifest/iam/server-options.json"));
    let asked = asked(&calls.requests()[start..]);
    assert!(asked.is_subset(&policy), "{:?}", asked.difference(&policy));
    for feature in [
        "s3:GetObjectTagging",
        "s3:PutObjectLegalHold",
        "s3:GetBucketObjectLockConfiguration",
    ] {
        assert!(asked.iter().any(|(action, _)| action == feature), "{feature}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_for_tags_allows_the_requests() {
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let setup = server(&calls.endpoint(), &store.endpoint(), &[]);
    call(&setup, "draft-bucket", json!({})).await;
    drop(setup);
    let (key, caller) = new_key("scanned");
    let policy = Policy::new(&format!(
        "{caller}scopes = ['upload', 'confirm']\nprofile = 'scanned'\n[profiles.scanned.checks.tag]\n"
    ));
    let path = policy.path();
    let path = path.to_str().expect("UTF-8");
    let start = calls.requests().len();
    let variables = [("AUTH", "api-key"), ("POLICY_FILE", path), ("CHECK_WAIT", "1")];
    let server = server(&calls.endpoint(), &store.endpoint(), &variables);
    let key = bearer(&key);
    let headers = [("authorization", key.as_str())];
    let call = |route, request| Front::Rest.call_with(&headers, &server, route, request);
    for versions in [false, true] {
        if versions {
            keep_versions(&store.endpoint(), &DRAFT.parse().expect("a name")).await;
        }
        let issued = call("upload-url", json!({"object_name": "a"})).await.expect("issued");
        assert_eq!(upload(&issued, "x").await, 200);
        let pending = call("confirm-upload", json!({"object_name": "a"})).await;
        pending
            .expect_err("no tag")
            .assert(409, Code::Aborted, "CHECKS_PENDING");
    }
    let asked = asked(&calls.requests()[start..]);
    for policy in [
        include_str!("../../../../manifest/iam/server-tags.json"),
        include_str!("../../../../manifest/iam/server-options.json"),
    ] {
        let policy = allowed(policy);
        assert!(asked.is_subset(&policy), "{:?}", asked.difference(&policy));
    }
    for action in ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"] {
        assert!(asked.iter().any(|(asked, _)| asked == action), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_for_versions_allows_exactly_the_requests() {
    let store = Embedded::start().await;
    let (calls, urls) = (
        FaultProxy::start(&store.endpoint()),
        FaultProxy::start(&store.endpoint()),
    );
    let setup = server(&calls.endpoint(), &urls.endpoint(), &[]);
    call(&setup, "draft-bucket", json!({})).await;
    drop(setup);
    keep_versions(&store.endpoint(), &MAIN.parse().expect("a name")).await;

    let start = calls.requests().len();
    let server = server(&calls.endpoint(), &urls.endpoint(), &[]);
    all_calls(&server).await;
    let listed = call(&server, "list-versions", json!({"object_name": "named"})).await;
    let version = &listed["versions"][0]["version_id"];
    call(&server, "delete-object", json!({"object_name": "named"})).await;
    let batch = json!({"objects": [{"object_name": "other"}]});
    call(&server, "delete-objects", batch).await;
    call(&server, "restore-version", json!({"object_name": "named"})).await;
    let of_version = json!({"object_name": "named", "version_id": version, "stage": "STAGE_MAIN"});
    let read = call(&server, "download-url", of_version).await;
    assert_eq!(crate::front::download(&read).await.status(), 200);
    call(
        &server,
        "delete-version",
        json!({"object_name": "named", "version_id": version}),
    )
    .await;

    let policy = allowed(include_str!("../../../../manifest/iam/server-versions.json"));
    assert_eq!(asked(&calls.requests()[start..]), without(&policy, &large()));
    let reads = urls.requests().into_iter();
    let reads: Vec<_> = reads
        .filter(|request| request.operation == Operation::GetObject)
        .collect();
    assert!(asked(&reads).is_subset(&policy));
}

/// The rights in the bucket of a destination, in addition to those in main and the draft bucket.
#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_for_destinations_allows_exactly_the_requests() {
    const BUCKET: &str = "files-archive";
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let (key, caller) = new_key("archivist");
    let scopes = "['upload', 'download', 'inspect', 'confirm', 'manage', 'admin']";
    let policy = Policy::new(&format!(
        "[destinations.archive]\nbucket = '{BUCKET}'\nprefix = 'kept/'\n\
         {caller}scopes = {scopes}\ndestinations = ['archive']\n"
    ));
    let path = policy.path();
    let path = path.to_str().expect("UTF-8");
    let variables = [
        ("AUTH", "api-key"),
        ("POLICY_FILE", path),
        ("DESTINATION_BUCKETS", BUCKET),
    ];
    let server = server(&calls.endpoint(), &store.endpoint(), &variables);
    let key = bearer(&key);
    let headers = [("authorization", key.as_str())];
    let call = async |route: &str, request: Value| {
        let answer = Front::Rest.call_with(&headers, &server, route, request).await;
        answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
    };
    call("draft-bucket", json!({})).await;

    let start = calls.requests().len();
    for name in ["a", "b"] {
        let issued = call("upload-url", json!({ "object_name": name })).await;
        assert_eq!(upload(&issued, "x").await, 200);
    }
    let at = |name: &str| json!({"object_name": name, "destination": "archive"});
    call("confirm-upload", at("a")).await;
    let batch = json!({ "uploads": [at("b")] });
    assert_eq!(call("confirm-uploads", batch).await["success"], true);
    call("list-objects", json!({"destination": "archive"})).await;
    call("get-object", at("a")).await;
    let with = |name: &str, field: &str, value: Value| {
        let mut request = at(name);
        request[field] = value;
        request
    };
    let read = call("download-url", with("a", "stage", json!("STAGE_MAIN"))).await;
    assert_eq!(crate::front::download(&read).await.status(), 200);
    call("update-object", with("a", "metadata", json!({"a": "1"}))).await;
    call("copy-object", with("a", "destination_name", json!("copied"))).await;
    call("move-object", with("copied", "destination_name", json!("moved"))).await;
    call("restore-object", with("moved", "days", json!(1))).await;
    call("delete-object", at("a")).await;
    let batch = json!({ "objects": [at("b"), at("moved")] });
    assert_eq!(call("delete-objects", batch).await["success"], true);

    let asked = asked(&calls.requests()[start..]);
    let there: BTreeSet<_> = asked
        .into_iter()
        .filter(|(_, resource)| resource.contains(BUCKET))
        .collect();
    let policy = allowed(include_str!("../../../../manifest/iam/server-destinations.json"));
    let large = ("s3:AbortMultipartUpload".to_owned(), format!("arn:aws:s3:::{BUCKET}/*"));
    assert!(policy.contains(&large));
    assert_eq!(there, without(&policy, &large));
}
