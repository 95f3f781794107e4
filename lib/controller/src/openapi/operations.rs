//! Calls as operations: those of the contract, and those that are written by hand.

use draftstore_service::Scope;

use super::contract::{Call, Contract};
use super::failures::{self, Failure};
use super::json::{Json, object, reference, texts};
use super::schema::example;
use super::{Facts, security};
use crate::webapi::{ROUTES, Route, UPPY_SCOPE};

/// The contract's calls, by path.
pub(super) fn of_contract(contract: &Contract, facts: Facts) -> Vec<(String, Json)> {
    let paths = ROUTES.iter().map(|route| {
        let mut calls = contract.calls.iter();
        let call = calls.find(|call| call.rpc == route.rpc);
        let call = call.expect("a test finds the call of every route");
        (
            route.path.to_owned(),
            object([("post", operation(route, call, contract, facts))]),
        )
    });
    paths.collect()
}

fn operation(route: &Route, call: &Call, contract: &Contract, facts: Facts) -> Json {
    let body = example(&call.request, contract, facts);
    let has_to_be_there = !body.members().is_empty();
    let content = object([("schema", reference("schemas", &call.request)), ("example", body)]);
    let mut parameters = vec![reference("parameters", "RequestId")];
    if route.rpc == "ConfirmUpload" {
        parameters.push(reference("parameters", "IdempotencyKey"));
    }
    let described = &contract.message(&call.response).comment;
    let mut responses = vec![(
        "200".to_owned(),
        success(described, reference("schemas", &call.response)),
    )];
    responses.extend(failures::answers(failures::own(route.rpc), failures::PROBLEM));
    object([
        ("operationId", route.rpc.into()),
        ("tags", texts([tag(route)])),
        ("summary", summary(&call.comment).into()),
        ("description", call.comment.as_str().into()),
        ("x-scope", texts(route.scopes.iter().map(|scope| scope.as_str()))),
        ("security", security(facts)),
        ("parameters", parameters.into()),
        (
            "requestBody",
            object([
                ("required", has_to_be_there.into()),
                ("content", object([("application/json", content)])),
            ]),
        ),
        ("responses", Json::Object(responses)),
    ])
}

fn tag(route: &Route) -> &'static str {
    match route.scopes {
        [Scope::Upload, ..] if route.path.contains("/multipart/") => "Uploads in parts",
        [Scope::Upload, ..] => "Uploads",
        [Scope::Download, ..] => "Downloads",
        [Scope::Inspect | Scope::Discard, ..] => "Drafts and objects",
        [Scope::Confirm] => "Confirms",
        [Scope::Confirm | Scope::Admin, ..] | [] => "Administration",
    }
}

fn success(description: &str, schema: Json) -> Json {
    object([
        ("description", description.into()),
        ("headers", object([("X-Request-Id", reference("headers", "RequestId"))])),
        ("content", object([("application/json", object([("schema", schema)]))])),
    ])
}

/// Its first sentence.
fn summary(comment: &str) -> String {
    let end = comment.find(". ").map_or(comment.len(), |end| end + 1);
    comment[..end].to_owned()
}

/// What has no message in the contract.
pub(super) struct HandWritten {
    uppy: Json,
    server: Json,
}

impl HandWritten {
    pub(super) fn read() -> Self {
        let read = |text| serde_json::from_str(text).expect("a test reads it");
        Self {
            uppy: read(include_str!("uppy.json")),
            server: read(include_str!("health.json")),
        }
    }

    /// Its schemas, by name.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (String, Json)> {
        let both = [&self.uppy, &self.server].into_iter();
        both.flat_map(|part| part.get("schemas").map_or(&[][..], Json::members))
            .cloned()
    }

    /// Its operations, by path, with what is true of all of them.
    pub(super) fn paths(&self, facts: Facts) -> Vec<(String, Json)> {
        let uppy = paths(&self.uppy, |operation| self.of_uppy(operation, facts));
        let server = paths(&self.server, of_server);
        uppy.chain(server).collect()
    }

    fn of_uppy(&self, operation: &Json, facts: Facts) -> Json {
        let known = |parameter: &Json| {
            let name = parameter.text().map(|name| format!("parameters/{name}"));
            name.and_then(|path| self.uppy.at(&path)).unwrap_or(parameter).clone()
        };
        let parameters = operation
            .get("parameters")
            .map_or(&[][..], Json::items)
            .iter()
            .map(known);
        let parameters: Vec<_> = parameters.chain([reference("parameters", "RequestId")]).collect();
        let own = operation.get("x-failures").map_or(&[][..], Json::items).iter();
        let own: Vec<Failure> = own.filter_map(|reason| named(reason.text()?)).collect();
        let mut responses = successes(operation);
        responses.extend(failures::answers(&own, failures::UPPY));
        operation
            .clone()
            .without("x-failures")
            .with("tags", texts(["Uppy"]))
            .with("x-scope", texts([UPPY_SCOPE.as_str()]))
            .with("security", security(facts))
            .with("parameters", parameters)
            .with("responses", Json::Object(responses))
    }
}

/// Nobody is asked who they are.
fn of_server(operation: &Json) -> Json {
    let nobody = vec![object([])];
    operation
        .clone()
        .with("tags", texts(["Server"]))
        .with("security", nobody)
        .with("parameters", vec![reference("parameters", "RequestId")])
        .with("responses", Json::Object(successes(operation)))
}

fn paths(part: &Json, complete: impl Fn(&Json) -> Json) -> impl Iterator<Item = (String, Json)> {
    let paths = part.get("paths").map_or(&[][..], Json::members).iter();
    paths.map(move |(path, operations)| {
        let operations = operations.members().iter();
        let operations = operations.map(|(method, operation)| (method.clone(), complete(operation)));
        (path.clone(), Json::Object(operations.collect()))
    })
}

/// Its answers, which are written as a description and the name of a schema.
fn successes(operation: &Json) -> Vec<(String, Json)> {
    let written = operation.get("responses").map_or(&[][..], Json::members).iter();
    let answers = written.map(|(status, answer)| {
        let text = |name: &str| answer.get(name).and_then(Json::text).unwrap_or_default();
        (
            status.clone(),
            success(text("description"), reference("schemas", text("schema"))),
        )
    });
    answers.collect()
}

/// The refusal of this reason.
fn named(reason: &str) -> Option<Failure> {
    let mut all = ROUTES.iter().flat_map(|route| failures::own(route.rpc));
    all.find(|(_, known)| *known == reason).copied()
}
