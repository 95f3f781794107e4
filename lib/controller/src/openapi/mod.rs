//! The REST front as an `OpenAPI` document, made from the contract's descriptor and the table of routes, so that it can
//! disagree with neither. What has no message in the contract (Uppy's routes, probes) is written by hand, in JSON beside this
//! file; a test compares it with the router.
//!
//! Source: <https://spec.openapis.org/oas/v3.1.1>

mod contract;
mod failures;
mod json;
mod operations;
mod pattern;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

use self::contract::Contract;
pub use self::json::Json;
use self::json::{object, texts};
use self::operations::{HandWritten, of_contract};

/// What one server's document says that another's need not. In seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The longest validity of an upload URL.
    pub(crate) upload_ttl: i64,
    /// The longest validity of a download URL.
    pub(crate) download_ttl: i64,
    /// The longest life of a draft.
    pub(crate) object_lifetime: i64,
    /// Callers need credentials.
    pub(crate) requires_auth: bool,
}

/// Groups of calls, in the order in which people read of them.
const TAGS: [(&str, &str); 8] = [
    ("Uploads", "Presigned URLs by which clients upload drafts."),
    (
        "Uploads in parts",
        "For what is large, or has to survive a broken connection.",
    ),
    (
        "Downloads",
        "Presigned URLs by which clients read drafts and confirmed objects.",
    ),
    ("Confirms", "What a backend keeps: draft → main."),
    ("Drafts and objects", "What is there."),
    ("Administration", "Buckets, and tickets for pages."),
    (
        "Uppy",
        "What @uppy/aws-s3 asks of a Companion. Pages need nothing but the endpoint `/uppy`.",
    ),
    ("Server", "For probes, and this document."),
];

/// The document of a server of which these are the facts.
pub(crate) fn document(facts: Facts) -> Json {
    let contract = Contract::read();
    let by_hand = HandWritten::read();
    let mut paths = of_contract(&contract, facts);
    let mut schemas = schema::schemas(&contract, facts);
    let mut responses = failures::components(failures::PROBLEM);
    responses.extend(failures::components(failures::UPPY));
    paths.extend(by_hand.paths(facts));
    schemas.extend(by_hand.schemas());
    schemas.push(("ObjectName".to_owned(), rules::object_name()));
    let tags = TAGS.map(|(name, description)| object([("name", name.into()), ("description", description.into())]));
    object([
        ("openapi", "3.1.1".into()),
        ("info", info(&contract)),
        ("tags", Json::List(tags.into())),
        ("paths", Json::Object(paths)),
        (
            "components",
            object([
                ("schemas", Json::Object(schemas)),
                ("responses", Json::Object(responses)),
                ("parameters", parameters()),
                ("headers", headers()),
                ("securitySchemes", security_schemes()),
            ]),
        ),
    ])
}

fn info(contract: &Contract) -> Json {
    let mapping = "Requests and answers are JSON, by protobuf's mapping with snake_case names. 64-bit numbers are strings in \
                   answers; requests may have every number as a number or in a string, without fraction and exponent, \
                   and lowerCamelCase names. Unknown \
                   fields are refused. Times are RFC 3339 in UTC. Answers may get new fields.";
    let first = contract.comment.split("\n\n").next().unwrap_or_default();
    object([
        ("title", "DraftStore".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("description", format!("{first}\n\n{mapping}").into()),
        (
            "license",
            object([("name", "MIT".into()), ("identifier", "MIT".into())]),
        ),
    ])
}

fn parameters() -> Json {
    let key = object([("type", "string".into()), ("pattern", pattern::IDEMPOTENCY_KEY.into())]);
    object([
        (
            "RequestId",
            object([
                ("name", "X-Request-Id".into()),
                ("in", "header".into()),
                (
                    "description",
                    "A name for this request in the server's log; the answer has it too.".into(),
                ),
                ("schema", object([("type", "string".into())])),
            ]),
        ),
        (
            "IdempotencyKey",
            object([
                ("name", "Idempotency-Key".into()),
                ("in", "header".into()),
                (
                    "description",
                    "The same as `idempotency_key`, where the message has none.".into(),
                ),
                ("schema", key),
            ]),
        ),
    ])
}

fn headers() -> Json {
    let header = |description: &str, required: bool, schema: Json| {
        object([
            ("description", description.into()),
            ("required", required.into()),
            ("schema", schema),
        ])
    };
    let text = || object([("type", "string".into())]);
    let seconds = object([("type", "integer".into()), ("minimum", 1.into())]);
    object([
        (
            "RequestId",
            header("The request's own, or one that the server made.", true, text()),
        ),
        (
            "RetryAfter",
            header("Seconds to wait before the same request.", true, seconds),
        ),
        ("Authenticate", header("What credentials are asked for.", false, text())),
        ("ETag", header("The version of what is answered.", true, text())),
    ])
}

fn security_schemes() -> Json {
    let bearer = "An API key, a JSON Web Token, or a ticket: `authorization: Bearer …`. A ticket can also be the path's \
                  beginning, `/t/<ticket>/api/v1/…`, where no headers can be sent.";
    object([
        (
            "bearer",
            object([
                ("type", "http".into()),
                ("scheme", "bearer".into()),
                ("description", bearer.into()),
            ]),
        ),
        (
            "mutualTLS",
            object([
                ("type", "mutualTLS".into()),
                (
                    "description",
                    "A client certificate that the server's authority has signed.".into(),
                ),
            ]),
        ),
    ])
}

/// Returns the alternative credentials; none is one of them where none are required.
fn security(facts: Facts) -> Json {
    let none = (!facts.requires_auth).then(|| object([]));
    let ways = ["bearer", "mutualTLS"].map(|scheme| object([(scheme, texts::<&str>([]))]));
    Json::List(none.into_iter().chain(ways).collect())
}
