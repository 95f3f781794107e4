//! The operations: the calls of the contract, and the handwritten ones.

use draftstore_service::Scope;
use serde_json::{Map, Value, json};

use super::contract::{Contract, Method};
use super::schema::{example, parameters, response_example};
use super::{Facts, failures, members, reference, security};
use crate::calls::{CALLS, Call};
use crate::errors::Reason;

/// Returns the contract's calls, by path.
pub(super) fn of_contract(contract: &Contract, facts: Facts) -> Map<String, Value> {
    let paths = CALLS.iter().map(|call| {
        let mut methods = contract.methods.iter();
        let method = methods.find(|method| method.rpc == call.rpc.as_str());
        let method = method.expect("a test finds the method of every call");
        let post = operation(call, method, contract, facts);
        let operations = if call.is_stream() {
            json!({"get": by_query(&post, method, contract, facts), "post": post})
        } else {
            json!({"post": post})
        };
        (call.path.to_owned(), operations)
    });
    paths.collect()
}

fn operation(call: &Call, method: &Method, contract: &Contract, facts: Facts) -> Value {
    let body = example(&method.request, contract, facts);
    let mut parameters = vec![reference("parameters", "RequestId")];
    let mut fields = contract.message(&method.request).fields.iter();
    if fields.any(|field| field.name == "idempotency_key") {
        parameters.push(reference("parameters", "IdempotencyKey"));
    }
    let described = &contract.message(&method.response).comment;
    let sample = response_example(&method.response, contract);
    let mut responses = Map::new();
    if call.is_stream() {
        responses.insert("200".to_owned(), events(described, &method.response, &sample));
        if sample["state_id"].is_string() {
            responses.insert("204".to_owned(), nothing_new());
        }
        parameters.push(reference("parameters", "LastEventId"));
    } else {
        responses.insert("200".to_owned(), success(described, &method.response, &sample));
    }
    responses.extend(failures::responses(call.failures, failures::PROBLEM));
    let (summary, description) = method.comment.split_once("\n\n").unwrap_or((&method.comment, ""));
    json!({
        "operationId": call.rpc.as_str(),
        "tags": [call.tag],
        "summary": summary.trim_end_matches('.'),
        "description": description,
        "x-scope": call.scopes.iter().map(|set| all_of(set)).collect::<Vec<_>>(),
        "security": security(facts),
        "parameters": parameters,
        "requestBody": {
            "required": members(&body).next().is_some(),
            "content": {"application/json": {"schema": reference("schemas", &method.request), "example": body}},
        },
        "responses": responses,
    })
}

/// Returns the operation with the fields of the request in the query, as `EventSource` sends it.
fn by_query(post: &Value, method: &Method, contract: &Contract, facts: Facts) -> Value {
    let mut get = post.clone();
    let fields = parameters(&method.request, contract, facts);
    let fields = fields.into_iter().chain(items(&post["parameters"]).cloned());
    get["parameters"] = fields.collect();
    get["operationId"] = format!("{}ByQuery", method.rpc).into();
    if let Some(members) = get.as_object_mut() {
        members.remove("requestBody");
    }
    get
}

/// Returns the response of a stream. Its schema is that of each event, because `OpenAPI` 3.1 has none for a stream of them.
fn events(description: &str, schema: &str, example: &Value) -> Value {
    let ids = ["state_id", "cursor"];
    let id = ids.into_iter().find(|id| example[id].is_string()).unwrap_or_default();
    json!({
        "description": format!("{description} Each event has one, as JSON in its `data`."),
        "headers": {"X-Request-Id": reference("headers", "RequestId")},
        "content": {"text/event-stream": {
            "schema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": format!("The `{id}`.")},
                    "event": {"type": "string", "description": "`problem` for the error that ends the stream."},
                    "data": {"type": "string", "contentMediaType": "application/json"},
                },
                "required": ["data"],
            },
            "x-event-data": reference("schemas", schema),
            "example": format!("id: {}\ndata: {example}\n\n", example[id].as_str().unwrap_or_default()),
        }},
    })
}

fn nothing_new() -> Value {
    json!({
        "description": "The caller has the final state already.",
        "headers": {"X-Request-Id": reference("headers", "RequestId")},
    })
}

/// Returns the scopes of a set, separated by spaces as in OAuth.
fn all_of(scopes: &[Scope]) -> String {
    let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

fn success(description: &str, schema: &str, example: &Value) -> Value {
    json!({
        "description": description,
        "headers": {"X-Request-Id": reference("headers", "RequestId")},
        "content": {"application/json": {"schema": reference("schemas", schema), "example": example}},
    })
}

/// The operations without messages in the contract.
pub(super) struct HandWritten {
    uppy: Value,
    server: Value,
}

impl HandWritten {
    pub(super) fn read() -> Self {
        let read = |text| serde_json::from_str(text).expect("a test reads it");
        Self {
            uppy: read(include_str!("uppy.json")),
            server: read(include_str!("health.json")),
        }
    }

    /// Returns the schemas, by name.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (String, Value)> {
        let both = [&self.uppy, &self.server].into_iter();
        let schemas = both.flat_map(|part| members(&part["schemas"]));
        schemas.map(|(name, schema)| (name.clone(), schema.clone()))
    }

    /// Returns the operations by path, completed with their common parts.
    pub(super) fn paths(&self, facts: Facts) -> impl Iterator<Item = (String, Value)> {
        let uppy = paths(&self.uppy, move |operation| self.of_uppy(operation, facts));
        uppy.chain(paths(&self.server, of_server))
    }

    fn of_uppy(&self, operation: &Value, facts: Facts) -> Value {
        let known = |parameter: &Value| {
            let named = parameter.as_str().map(|name| &self.uppy["parameters"][name]);
            named.unwrap_or(parameter).clone()
        };
        let parameters = items(&operation["parameters"]).map(known);
        let parameters = parameters.chain([reference("parameters", "RequestId")]);
        let own: Vec<_> = items(&operation["x-failures"]).filter_map(reason).collect();
        let mut responses = successes(operation);
        responses.extend(failures::responses(&own, failures::UPPY));
        completed(
            operation,
            &json!({
                "tags": ["Uppy"],
                "x-scope": [Scope::Upload.as_str()],
                "security": security(facts),
                "parameters": parameters.collect::<Vec<_>>(),
                "responses": responses,
            }),
        )
    }
}

/// Returns an operation that needs no credentials.
fn of_server(operation: &Value) -> Value {
    completed(
        operation,
        &json!({
            "tags": ["Server"],
            "security": [{}],
            "parameters": [reference("parameters", "RequestId")],
            "responses": successes(operation),
        }),
    )
}

/// Returns the operation with these members added.
fn completed(operation: &Value, with: &Value) -> Value {
    let own = members(operation).filter(|(name, _)| *name != "x-failures" && with.get(*name).is_none());
    own.chain(members(with))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn paths(part: &Value, complete: impl Fn(&Value) -> Value) -> impl Iterator<Item = (String, Value)> {
    members(&part["paths"]).map(move |(path, operations)| {
        let operations = members(operations).map(|(method, operation)| (method.clone(), complete(operation)));
        (path.clone(), operations.collect())
    })
}

/// Returns the responses, which are written as a description, the name of a schema and an example.
fn successes(operation: &Value) -> Map<String, Value> {
    let responses = members(&operation["responses"]).map(|(status, response)| {
        let text = |name: &str| response[name].as_str().unwrap_or_default();
        (
            status.clone(),
            success(text("description"), text("schema"), &response["example"]),
        )
    });
    responses.collect()
}

/// Returns the failure with this name, among those of the contract's calls.
fn reason(name: &Value) -> Option<Reason> {
    let mut all = CALLS.iter().flat_map(|call| call.failures);
    all.find(|reason| *name == reason.name).copied()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
