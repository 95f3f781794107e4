//! Calls as operations: those of the contract, and those that are written by hand.

use draftstore_service::Scope;

use super::contract::{Contract, Method};
use super::failures;
use super::json::{Json, object, reference, texts};
use super::schema::example;
use super::{Facts, security};
use crate::calls::{CALLS, Call};
use crate::errors::Reason;

/// Returns the contract's calls, by path.
pub(super) fn of_contract(contract: &Contract, facts: Facts) -> Vec<(String, Json)> {
    let paths = CALLS.iter().map(|call| {
        let mut methods = contract.methods.iter();
        let method = methods.find(|method| method.rpc == call.rpc.as_str());
        let method = method.expect("a test finds the method of every call");
        let post = operation(call, method, contract, facts);
        (call.path.to_owned(), object([("post", post)]))
    });
    paths.collect()
}

fn operation(call: &Call, method: &Method, contract: &Contract, facts: Facts) -> Json {
    let body = example(&method.request, contract, facts);
    let is_required = !body.members().is_empty();
    let content = object([("schema", reference("schemas", &method.request)), ("example", body)]);
    let mut parameters = vec![reference("parameters", "RequestId")];
    let mut fields = contract.message(&method.request).fields.iter();
    if fields.any(|field| field.name == "idempotency_key") {
        parameters.push(reference("parameters", "IdempotencyKey"));
    }
    let described = &contract.message(&method.response).comment;
    let mut responses = vec![(
        "200".to_owned(),
        success(described, reference("schemas", &method.response)),
    )];
    responses.extend(failures::responses(call.failures, failures::PROBLEM));
    object([
        ("operationId", call.rpc.as_str().into()),
        ("tags", texts([call.tag])),
        ("summary", summary(&method.comment).into()),
        ("description", method.comment.as_str().into()),
        ("x-scope", texts(call.scopes.iter().map(|scope| scope.as_str()))),
        ("security", security(facts)),
        ("parameters", parameters.into()),
        (
            "requestBody",
            object([
                ("required", is_required.into()),
                ("content", object([("application/json", content)])),
            ]),
        ),
        ("responses", Json::Object(responses)),
    ])
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
        let own: Vec<_> = own.filter_map(|reason| named(reason.text()?)).collect();
        let mut responses = successes(operation);
        responses.extend(failures::responses(&own, failures::UPPY));
        operation
            .clone()
            .without("x-failures")
            .with("tags", texts(["Uppy"]))
            .with("x-scope", texts([Scope::Upload.as_str()]))
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

/// Returns the failure of this name, of those that calls of the contract have.
fn named(name: &str) -> Option<Reason> {
    let mut all = CALLS.iter().flat_map(|call| call.failures);
    all.find(|reason| reason.name == name).copied()
}
