//! The `OpenAPI` document of the REST front, generated from the contract's descriptor, the table of calls and the table of errors,
//! so that it always matches them. Routes without messages in the contract (Uppy's routes, probes) are handwritten JSON beside
//! this file, which a test compares with the router.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.1>

mod contract;
mod failures;
mod operations;
mod rules;
mod schema;
#[cfg(test)]
mod tests;
mod whole_number;

use serde_json::{Map, Value, json};

use self::contract::Contract;
use self::operations::{HandWritten, of_contract};

/// The configuration that a document depends on. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The maximum validity of an upload URL.
    pub(crate) upload_ttl: i64,
    /// The maximum validity of a download URL.
    pub(crate) download_ttl: i64,
    /// The maximum lifetime of a draft.
    pub(crate) object_lifetime: i64,
    /// Requires credentials from callers.
    pub(crate) requires_auth: bool,
}

/// The groups of calls, in reading order.
const TAGS: [(&str, &str); 10] = [
    ("Uploads", "Presigned URLs with which clients upload drafts."),
    (
        "Uploads in parts",
        "Multipart uploads, for large files and for uploads that resume after a broken connection.",
    ),
    (
        "Downloads",
        "Presigned URLs with which clients read drafts and confirmed objects.",
    ),
    (
        "Confirms",
        "Calls with which a backend keeps drafts: they are copied to main.",
    ),
    (
        "Drafts and objects",
        "Calls that list, inspect and discard drafts, and list, describe and delete confirmed objects.",
    ),
    (
        "Versions",
        "Calls that list, restore and delete the versions of confirmed objects, where main has versioning.",
    ),
    (
        "Events",
        "Calls that list the events that no webhook has acknowledged in time, and send them again.",
    ),
    ("Administration", "Buckets, and tickets for web pages."),
    (
        "Uppy",
        "The routes that @uppy/aws-s3 expects from a Companion. A page only sets the endpoint `/uppy`.",
    ),
    ("Server", "Health probes, and this document."),
];

/// Returns the document of a server with this configuration and this URL, which may be relative.
pub(crate) fn document(facts: Facts, server: &str) -> Value {
    let contract = Contract::read();
    let by_hand = HandWritten::read();
    let mut paths = of_contract(&contract, facts);
    let mut schemas = schema::schemas(&contract, facts);
    let mut responses = failures::components(failures::PROBLEM);
    responses.extend(failures::components(failures::UPPY));
    paths.extend(by_hand.paths(facts));
    schemas.extend(by_hand.schemas());
    schemas.insert("ObjectName".to_owned(), rules::object_name());
    let tags = TAGS.map(|(name, description)| json!({"name": name, "description": description}));
    json!({
        "openapi": "3.1.1",
        "info": info(&contract),
        "servers": [{"url": server}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "parameters": parameters(),
            "headers": headers(),
            "securitySchemes": security_schemes(),
        },
    })
}

fn info(contract: &Contract) -> Value {
    let mapping = "Requests and responses are JSON with snake_case names. 64-bit integers are strings in responses. In \
                   requests, an integer may be a number or a string, without fraction and exponent, and names may be in \
                   lowerCamelCase. Unknown fields are an error. Times are in UTC, in the format of RFC 3339. Future versions \
                   may add fields to responses.";
    let first = contract.comment.split("\n\n").next().unwrap_or_default();
    json!({
        "title": "DraftStore",
        "version": env!("CARGO_PKG_VERSION"),
        "description": format!("{first}\n\n{mapping}"),
        "license": {"name": "MIT", "identifier": "MIT"},
    })
}

fn parameters() -> Value {
    json!({
        "RequestId": {
            "name": "X-Request-Id",
            "in": "header",
            "description": "The ID of this request in the server's log. The response repeats it.",
            "schema": {"type": "string"},
        },
        "LastEventId": {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Takes the place of `last_state_id` or `after`. `EventSource` sends it when it connects again.",
            "schema": {"type": "string"},
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The `idempotency_key`. If the body has one too, it must be the same.",
            "schema": {"type": "string", "pattern": rules::idempotency_key()},
        },
    })
}

fn headers() -> Value {
    let text = json!({"type": "string"});
    json!({
        "RequestId": {
            "description": "The ID of the request: the one that it sent, or one that the server generated.",
            "required": true,
            "schema": text,
        },
        "RetryAfter": {
            "description": "The number of seconds to wait before a retry.",
            "required": true,
            "schema": {"type": "integer", "minimum": 1},
        },
        "RetryAfterConflict": {
            "description": "With `CHECKS_PENDING` and `OBJECT_BUSY`, the number of seconds to wait before a retry.",
            "required": false,
            "schema": {"type": "integer", "minimum": 1},
        },
        "Authenticate": {"description": "The required credentials.", "required": false, "schema": text},
        "ETag": {"description": "The version of the response's body.", "required": true, "schema": text},
    })
}

fn security_schemes() -> Value {
    let bearer = "An API key, a JSON Web Token or a ticket, as `authorization: Bearer …`. Clients that cannot send headers can \
                  put a ticket in the path: `/t/<ticket>/api/v1/…`.";
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": bearer},
        "mutualTLS": {
            "type": "mutualTLS",
            "description": "A client certificate from an authority that the server trusts.",
        },
    })
}

/// Returns the alternative credentials, including none if they are optional.
fn security(facts: Facts) -> Value {
    let none = (!facts.requires_auth).then(|| json!({}));
    let methods = [json!({"bearer": []}), json!({"mutualTLS": []})];
    none.into_iter().chain(methods).collect()
}

/// Returns a reference to a component.
fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// Returns the members of an object, or none of anything else.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
