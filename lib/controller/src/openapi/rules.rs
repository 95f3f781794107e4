//! What the service asks of fields beyond their types, which the contract says in words alone. The system's tests go to each
//! of these limits and one step beyond, at the server.

use super::Facts;
use super::json::{Json, object, texts};
use super::pattern;

const MAX_NAME_LENGTH: i64 = 900;
const MAX_PUT_BYTES: i64 = 5 * 1024 * 1024 * 1024;
const MAX_PARTS: i64 = 10_000;
const MAX_UPLOAD_BYTES: i64 = MAX_PUT_BYTES * MAX_PARTS;
const MAX_BATCH: i64 = 100;
const MAX_PAGE: i64 = 1_000;

/// What a field of a request is held to.
#[derive(Debug, Default)]
pub(super) struct Rule {
    /// It has to be there.
    pub(super) required: bool,
    /// Bounds of a number.
    pub(super) range: Option<(i64, i64)>,
    /// Other keywords of JSON Schema.
    pub(super) keywords: Vec<(&'static str, Json)>,
    /// One that breaks no rule.
    pub(super) example: Option<Json>,
}

impl Rule {
    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn range(least: i64, most: i64) -> Self {
        Self {
            range: Some((least, most)),
            ..Self::default()
        }
    }

    fn pattern(pattern: &str) -> Self {
        Self::default().keyword("pattern", pattern.into())
    }

    fn keyword(mut self, name: &'static str, value: Json) -> Self {
        self.keywords.push((name, value));
        self
    }

    fn length(self, least: i64, most: i64) -> Self {
        self.keyword("minLength", least.into())
            .keyword("maxLength", most.into())
    }

    fn items(least: i64, most: i64) -> Self {
        let rule = Self::default().keyword("minItems", least.into());
        rule.keyword("maxItems", most.into())
    }

    fn example(self, example: impl Into<Json>) -> Self {
        Self {
            example: Some(example.into()),
            ..self
        }
    }
}

/// The rule of a field of a request.
pub(super) fn rule(message: &str, field: &str, facts: Facts) -> Rule {
    match (message, field) {
        // A whole key is longer than a name, and does as well.
        (
            "GetDownloadURLRequest" | "ConfirmUploadRequest" | "InspectDraftRequest" | "DiscardDraftRequest",
            "object_name",
        ) => Rule::pattern(&pattern::object_name()).required().example("file.jpg"),
        ("CreateTicketRequest", "object_name") | (_, "destination_name") => name(),
        ("CreateTicketRequest", "prefix") => Rule::pattern(&pattern::prefix()).length(1, 600).example("users/7/"),
        ("CreateTicketRequest", "content_types") => Rule::items(0, 20).keyword("items", content_types()),
        (_, "max_object_bytes") => Rule::range(1, i64::MAX),
        (_, "max_draft_lifetime") => Rule::range(1, i32::MAX.into()),
        ("CreateTicketRequest", "max_uploads") => Rule::range(1, 100),
        ("CreateTicketRequest", "expires_in") => Rule::range(1, 86_400),
        (_, "object_name") => name().required(),
        (_, "content_type") => Rule::pattern(pattern::CONTENT_TYPE)
            .keyword("maxLength", 255.into())
            .example("image/jpeg"),
        ("GetUploadURLRequest" | "PartToSign", "content_length") | (_, "max_content_length") => {
            Rule::range(0, MAX_PUT_BYTES)
        }
        ("CreateMultipartUploadRequest", "content_length") => Rule::range(0, MAX_UPLOAD_BYTES),
        (_, "content_length") => Rule::range(0, i64::MAX),
        (_, "checksum_sha256") => {
            Rule::pattern(pattern::SHA256).example("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")
        }
        (_, "metadata") => Rule::default()
            .keyword("propertyNames", object([("pattern", pattern::METADATA_NAME.into())]))
            .keyword("additionalProperties", metadata_value())
            .example(object([("author", "ada".into())])),
        ("GetDownloadURLRequest", "expires_in") => Rule::range(1, facts.download_ttl),
        (_, "expires_in") => Rule::range(1, facts.upload_ttl),
        (_, "draft_lifetime") => Rule::range(1, facts.object_lifetime),
        (_, "filename") => Rule::pattern(pattern::FILE_NAME).length(1, 255).example("holiday.jpg"),
        (_, "draft_id") => Rule::pattern(pattern::DRAFT_ID).example("01KAN3XJ5V8Q7R2M4T6W9Y0ZBC"),
        (_, "if_match" | "overwrite_if_match") => {
            Rule::pattern(pattern::ETAG).example("b1946ac92492d2347c6235b4d2611184")
        }
        ("CompletedPart", "etag") => Rule::pattern(pattern::ETAG)
            .required()
            .example("b1946ac92492d2347c6235b4d2611184"),
        (_, "idempotency_key") => Rule::pattern(pattern::IDEMPOTENCY_KEY).example("order-4711"),
        (_, "upload_id") => Rule::pattern("^[A-Za-z0-9_-]+$").required().example("UPLOAD_ID"),
        (_, "part_number") => Rule::range(1, MAX_PARTS).required().example(1),
        (_, "page_size") => Rule::range(1, MAX_PAGE),
        (_, "page_token") => Rule::default().length(1, 1024),
        ("ListObjectsRequest", "prefix") => Rule::default().keyword("maxLength", 1024.into()),
        ("SignPartsRequest", "parts") => Rule::items(1, 1_000).required(),
        ("CompleteMultipartUploadRequest", "parts") => Rule::items(0, MAX_PARTS),
        (_, "uploads") => Rule::items(1, MAX_BATCH).required(),
        _ => Rule::default(),
    }
}

/// Rules that fields have with each other, as further keywords of the message.
pub(super) fn together(message: &str) -> Vec<(&'static str, Json)> {
    let needs_true = |field: &str, other: &str| {
        let given = object([(other, object([("const", true.into())]))]);
        let then = object([("properties", given), ("required", texts([other]))]);
        ("dependentSchemas", object([(field, then)]))
    };
    // `null` is none.
    let given = || object([("type", texts(["integer", "string"]))]);
    let not_both = |one, other| {
        let both = [
            ("required", texts([one, other])),
            ("properties", object([(one, given()), (other, given())])),
        ];
        ("not", object(both))
    };
    match message {
        "GetUploadURLRequest" => vec![
            needs_true("draft_lifetime", "unique"),
            not_both("content_length", "max_content_length"),
        ],
        "CreateTicketRequest" => vec![
            not_both("object_name", "prefix"),
            ("dependentRequired", object([("max_uploads", texts(["object_name"]))])),
        ],
        "CreateMultipartUploadRequest" => vec![needs_true("draft_lifetime", "unique")],
        "ConfirmUploadRequest" => vec![needs_true("overwrite_if_match", "overwrite")],
        "GetDownloadURLRequest" => {
            let unchecked = object([("unchecked", object([("const", true.into())]))]);
            let stages: Vec<Json> = vec!["STAGE_DRAFT".into(), "STAGE_MAIN".into(), 1.into(), 2.into()];
            let stage = object([("stage", object([("enum", stages.into())]))]);
            let given = |properties: Json, name| object([("properties", properties), ("required", texts([name]))]);
            vec![("if", given(unchecked, "unchecked")), ("then", given(stage, "stage"))]
        }
        _ => Vec::new(),
    }
}

/// A name of an object, for what is written by hand.
pub(super) fn object_name() -> Json {
    object([
        ("type", "string".into()),
        ("description", "A name of 1 to 900 bytes of UTF-8.".into()),
        ("pattern", pattern::object_name().into()),
        ("minLength", 1.into()),
        ("maxLength", MAX_NAME_LENGTH.into()),
    ])
}

fn name() -> Rule {
    Rule::pattern(&pattern::object_name())
        .length(1, MAX_NAME_LENGTH)
        .example("file.jpg")
}

fn metadata_value() -> Json {
    object([("type", "string".into()), ("pattern", pattern::METADATA_VALUE.into())])
}

fn content_types() -> Json {
    object([("type", "string".into()), ("pattern", pattern::CONTENT_TYPES.into())])
}
