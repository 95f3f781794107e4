//! The service's rules for fields beyond their types, which the contract describes only in comments. The limits are the constants
//! that enforce them. The tests of the server check each limit and one step beyond.

use draftstore_auth::TicketOrder;
use draftstore_service::draft::SelectEvents;
use draftstore_service::limits;
use serde_json::{Value, json};

use super::Facts;

/// The pattern of a media type, or of all subtypes of a type.
const CONTENT_TYPES: &str = "^[A-Za-z0-9!#$%&'+.^_`|~-]+/(?:[A-Za-z0-9!#$%&'+.^_`|~-]+|\\*)$";

/// The pattern of a media type. Type and subtype are HTTP tokens, parameters have a token or a quoted string without a
/// comma.
const CONTENT_TYPE: &str = concat!(
    "^[A-Za-z0-9!#$%&'+.^_`|~-]+/[A-Za-z0-9!#$%&'+.^_`|~-]+",
    "(?:[ \\t]*;[ \\t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+=",
    "(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+|\"(?:[ !#-+\\--\\[\\]-~]|\\\\[ -+\\--~])*\"))*$"
);

/// The pattern of `Cache-Control`.
const CACHE_CONTROL: &str = concat!(
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:=(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\"))?",
    "(?:[ \\t]*,[ \\t]*",
    "[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:=(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\"))?)*$"
);

/// The pattern of `Content-Disposition`.
const CONTENT_DISPOSITION: &str = concat!(
    "^(?:[Ii][Nn][Ll][Ii][Nn][Ee]|[Aa][Tt][Tt][Aa][Cc][Hh][Mm][Ee][Nn][Tt])",
    "(?:[ \\t]*;[ \\t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+=",
    "(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\"))*$"
);

/// The pattern of `Content-Encoding`.
const CONTENT_ENCODING: &str = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \\t]*,[ \\t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*$";

/// The pattern of `Content-Language`.
const CONTENT_LANGUAGE: &str = concat!(
    "^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*",
    "(?:[ \\t]*,[ \\t]*[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)*$"
);

/// The pattern of `Expires`.
const EXPIRES: &str = concat!(
    "^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?:0[1-9]|[12][0-9]|3[01]) ",
    "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:19[789]|[2-9][0-9][0-9])[0-9] ",
    "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9] GMT$"
);

/// The pattern of 32 bytes in padded base64. The last digit has two unused bits, which are zero.
const SHA256: &str = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";

/// The pattern of a ULID in its canonical form.
const DRAFT_ID: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

/// The pattern of one `ETag`, with or without quotes, but not `*`.
const ETAG: &str = "^(?:[!#-)+-~][!#-~]{0,127}|\\*[!#-~]{1,127}|\"[!#-)+-~][!#-~]{0,127}\"|\"\\*[!#-~]{1,127}\")$";

/// The pattern of names of user metadata.
const METADATA_NAME: &str = "^[a-z0-9_.-]+$";

/// The pattern of values of user metadata.
const METADATA_VALUE: &str = "^[!-~](?:[ -~]*[!-~])?$";

/// The pattern of what an update removes.
const REMOVE: &str =
    "^(?:cache_control|content_disposition|content_encoding|content_language|expires|tags|metadata\\.[a-z0-9_.-]+)$";

/// The rule of a field of a request.
#[derive(Debug, Default)]
pub(super) struct Rule {
    /// The field must be present.
    pub(super) required: bool,
    /// The bounds of a number.
    pub(super) range: Option<(i64, i64)>,
    /// Additional keywords of JSON Schema.
    pub(super) keywords: Value,
    /// A valid value.
    pub(super) example: Option<Value>,
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

    fn keywords(keywords: Value) -> Self {
        Self {
            keywords,
            ..Self::default()
        }
    }

    fn pattern(pattern: &str) -> Self {
        Self::keywords(json!({"pattern": pattern}))
    }

    fn items(least: usize, most: usize) -> Self {
        Self::keywords(json!({"minItems": least, "maxItems": most}))
    }

    fn example(self, example: impl Into<Value>) -> Self {
        Self {
            example: Some(example.into()),
            ..self
        }
    }
}

/// The requests that name a draft by its name or by its key in the store.
const NAMED_BY_KEY: [&str; 7] = [
    "GetDownloadURLRequest",
    "ConfirmUploadRequest",
    "InspectDraftRequest",
    "CheckDraftRequest",
    "ReportScanRequest",
    "WatchDraftRequest",
    "DiscardDraftRequest",
];

/// Returns the rule of a field of a request.
pub(super) fn rule(message: &str, field: &str, facts: Facts) -> Rule {
    let etag = || Rule::pattern(ETAG).example("b1946ac92492d2347c6235b4d2611184");
    match (message, field) {
        // A key in the store, which is longer than a name, is accepted too.
        (message, "object_name") if NAMED_BY_KEY.contains(&message) => Rule::keywords(json!({"format": "object-name"}))
            .required()
            .example("file.jpg"),
        ("CopyObjectRequest" | "MoveObjectRequest", "destination_name") => name().required().example("copies/file.jpg"),
        ("CreateTicketRequest", "object_name") | (_, "destination_name") => name(),
        (_, "destination") => Rule::keywords(json!({"minLength": 1, "maxLength": 63})).example("archive"),
        ("CreateTicketRequest", "prefix") => Rule::keywords(
            json!({"format": "object-name-prefix", "minLength": 1, "maxLength": TicketOrder::MAX_PREFIX_BYTES}),
        )
        .example("users/7/"),
        ("CreateTicketRequest", "content_types") => Rule::keywords(json!({
            "minItems": 0,
            "maxItems": TicketOrder::MAX_CONTENT_TYPES,
            "items": {"type": "string", "pattern": CONTENT_TYPES},
        })),
        (_, "max_object_bytes") => Rule::range(1, i64::MAX),
        (_, "max_draft_lifetime") => Rule::range(1, i32::MAX.into()),
        ("CreateTicketRequest", "max_uploads") => Rule::range(1, TicketOrder::MAX_UPLOADS.into()),
        ("CreateTicketRequest", "expires_in") => Rule::range(1, whole(TicketOrder::MAX_LIFE.as_secs())),
        (_, "object_name") => name().required(),
        ("ListObjectsRequest", "content_type") => Rule::keywords(json!({"pattern": CONTENT_TYPES})).example("image/*"),
        (_, "content_type") => {
            Rule::keywords(json!({"pattern": CONTENT_TYPE, "maxLength": limits::MAX_CONTENT_TYPE_BYTES}))
                .example("image/jpeg")
        }
        (_, "cache_control") => header(CACHE_CONTROL).example("public, max-age=3600"),
        (_, "content_disposition") => header(CONTENT_DISPOSITION).example("attachment"),
        (_, "content_encoding") => header(CONTENT_ENCODING).example("gzip"),
        (_, "content_language") => header(CONTENT_LANGUAGE).example("de-CH, en"),
        (_, "expires") => header(EXPIRES).example("Thu, 31 Dec 2026 23:59:59 GMT"),
        (_, "part_size") => Rule::range(whole(limits::MIN_PART_BYTES), whole(limits::MAX_PART_BYTES)),
        ("GetUploadURLRequest" | "PartToSign", "content_length") | (_, "max_content_length") => {
            Rule::range(0, whole(limits::MAX_PUT_BYTES))
        }
        ("CreateMultipartUploadRequest", "content_length") => Rule::range(0, whole(limits::MAX_UPLOAD_BYTES)),
        (_, "content_length" | "min_size" | "max_size") => Rule::range(0, i64::MAX),
        (_, "checksum_sha256") => Rule::pattern(SHA256).example("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
        (_, "metadata") => Rule::keywords(json!({
            "maxProperties": limits::MAX_METADATA_ENTRIES,
            "propertyNames": {"pattern": METADATA_NAME},
            "additionalProperties": {"type": "string", "pattern": METADATA_VALUE},
        }))
        .example(json!({"author": "ada"})),
        ("GetDownloadURLRequest", "expires_in") => Rule::range(1, facts.download_ttl),
        (_, "expires_in") => Rule::range(1, facts.upload_ttl),
        (_, "draft_lifetime") => Rule::range(1, facts.object_lifetime),
        (_, "filename") => {
            Rule::keywords(json!({"format": "file-name", "minLength": 1, "maxLength": limits::MAX_FILENAME_BYTES}))
                .example("holiday.jpg")
        }
        (_, "draft_id") => Rule::pattern(DRAFT_ID).example("01KAN3XJ5V8Q7R2M4T6W9Y0ZBC"),
        (_, "if_match" | "overwrite_if_match") => etag(),
        ("CompletedPart" | "ReportScanRequest", "etag") => etag().required(),
        ("ReportScanRequest", "verdict") => {
            Rule::keywords(json!({"enum": ["SCAN_VERDICT_ACCEPTED", "SCAN_VERDICT_REJECTED", 1, 2]}))
                .required()
                .example("SCAN_VERDICT_ACCEPTED")
        }
        ("ReportScanRequest", "reason") => Rule::keywords(json!({"maxLength": limits::MAX_REASON_CHARS})),
        (_, "idempotency_key") => Rule::pattern(&idempotency_key()).example("order-4711"),
        (_, "upload_id") => Rule::pattern("^[A-Za-z0-9_-]+$").required().example("UPLOAD_ID"),
        (_, "webhook") => Rule::pattern("^[A-Za-z0-9_-]{1,63}$").required().example("backend"),
        (_, "event_ids") => Rule::keywords(json!({
            "minItems": 1,
            "maxItems": limits::MAX_EVENTS_TOGETHER,
            "uniqueItems": true,
            "items": {"type": "string", "pattern": "^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
        }))
        .required()
        .example(json!(["evt_01KAN3XJ5V8Q7R2M4T6W9Y0ZBC"])),
        (_, "type") => Rule::keywords(json!({"enum": SelectEvents::types()})).example("draft.confirmed"),
        (_, "name_prefix") => Rule::keywords(json!({"maxLength": limits::MAX_PREFIX_BYTES})).example("photos/"),
        (_, "part_number") => Rule::range(1, limits::MAX_PARTS.into()).required().example(1),
        (_, "page_size") => Rule::range(1, limits::MAX_PAGE_SIZE.into()),
        (_, "page_token" | "after") => Rule::keywords(json!({
            "minLength": 1, "maxLength": limits::MAX_PAGE_TOKEN_BYTES, "pattern": "^[A-Za-z0-9_-]+$",
        })),
        ("ListObjectsRequest", "delimiter") => Rule::pattern("^/$").example("/"),
        ("ListDraftsRequest" | "ListObjectsRequest", "prefix") => {
            Rule::keywords(json!({"maxLength": limits::MAX_PREFIX_BYTES}))
        }
        ("SignPartsRequest", "parts") => Rule::items(1, limits::MAX_SIGNED_TOGETHER).required(),
        ("CompleteMultipartUploadRequest", "parts") => Rule::items(0, limits::MAX_PARTS.into()),
        (_, "uploads") => Rule::items(1, limits::MAX_BATCH).required(),
        ("DeleteVersionRequest", "version_id") => version_id().required(),
        (_, "days") => Rule::range(1, limits::MAX_RESTORE_DAYS.into()).required().example(7),
        (_, "version_id") => version_id(),
        ("BatchDeleteObjectsRequest", "objects") => Rule::items(1, limits::MAX_DELETED_TOGETHER).required(),
        ("StorageOptions" | "ListObjectsRequest", "tags") => Rule::keywords(json!({
            "maxProperties": limits::MAX_TAGS,
            "propertyNames": {"format": "tag", "minLength": 1, "maxLength": limits::MAX_TAG_CHARS},
            "additionalProperties": {"type": "string", "format": "tag", "maxLength": limits::MAX_TAG_VALUE_CHARS},
        }))
        .example(json!({"project": "apollo"})),
        ("StorageOptions", "storage_class") => {
            Rule::pattern(&format!("^[A-Z0-9_-]{{1,{}}}$", limits::MAX_CLASS_BYTES)).example("STANDARD_IA")
        }
        ("StorageOptions", "encryption") => Rule::keywords(json!({"enum": ["AES256", "aws:kms"]})).example("AES256"),
        ("UpdateObjectRequest", "remove") => Rule::keywords(
            json!({"minItems": 0, "maxItems": limits::MAX_REMOVED, "items": {"type": "string", "pattern": REMOVE}}),
        ),
        ("RetentionOption", "mode" | "until") => Rule::default().required(),
        ("StorageOptions", "kms_key_id") => Rule::pattern(&format!("^[!-~]{{1,{}}}$", limits::MAX_KMS_KEY_BYTES)),
        _ => Rule::default(),
    }
}

/// Returns the rules between fields of a message, as keywords of its schema.
pub(super) fn together(message: &str) -> Value {
    let needs_true = |field: &str, other: &str| {
        let then = json!({"properties": {other: {"const": true}}, "required": [other]});
        json!({"dependentSchemas": {field: then}})
    };
    // `null` counts as absent.
    let not_both = |one: &str, other: &str| {
        let given = json!({"type": ["integer", "string"]});
        json!({"required": [one, other], "properties": {one: given, other: given}})
    };
    match message {
        "GetUploadURLRequest" => {
            let mut rules = needs_true("draft_lifetime", "unique");
            rules["not"] = not_both("content_length", "max_content_length");
            rules
        }
        "CreateTicketRequest" => json!({
            "not": not_both("object_name", "prefix"),
            "dependentRequired": {"max_uploads": ["object_name"]},
        }),
        "CreateMultipartUploadRequest" => needs_true("draft_lifetime", "unique"),
        "StorageOptions" => json!({
            "dependentSchemas": {
                "kms_key_id": {"properties": {"encryption": {"const": "aws:kms"}}, "required": ["encryption"]},
            },
        }),
        "ConfirmUploadRequest" | "CopyObjectRequest" | "MoveObjectRequest" => {
            needs_true("overwrite_if_match", "overwrite")
        }
        "UpdateObjectRequest" => {
            let hold = json!({"required": ["legal_hold"], "maxProperties": 1, "examples": [{"legal_hold": false}]});
            json!({
                "dependentSchemas": {
                    "version_id": {"properties": {"storage_options": hold}, "required": ["storage_options"]},
                },
            })
        }
        "GetDownloadURLRequest" => json!({
            "dependentSchemas": {
                "version_id": {"properties": {"stage": {"const": "STAGE_MAIN"}}, "required": ["stage"]},
            },
            "if": {"properties": {"unchecked": {"const": true}}, "required": ["unchecked"]},
            "then": {"properties": {"stage": {"enum": ["STAGE_DRAFT", "STAGE_MAIN", 1, 2]}}, "required": ["stage"]},
        }),
        _ => Value::Null,
    }
}

/// Returns the schema of an object name, for the handwritten operations.
pub(super) fn object_name() -> Value {
    json!({
        "type": "string",
        "description": format!("A name of 1 to {} bytes of UTF-8.", limits::MAX_NAME_BYTES),
        "format": "object-name",
        "minLength": 1,
        "maxLength": limits::MAX_NAME_BYTES,
    })
}

/// Returns the pattern of an idempotency key: visible ASCII.
pub(super) fn idempotency_key() -> String {
    format!("^[!-~]{{1,{}}}$", limits::MAX_IDEMPOTENCY_KEY_BYTES)
}

fn version_id() -> Rule {
    Rule::pattern(&format!("^[!-~]{{1,{}}}$", limits::MAX_VERSION_ID_BYTES))
        .example("3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")
}

fn header(pattern: &str) -> Rule {
    Rule::keywords(json!({"pattern": pattern, "maxLength": limits::MAX_HEADER_BYTES}))
}

fn name() -> Rule {
    let keywords = json!({"format": "object-name", "minLength": 1, "maxLength": limits::MAX_NAME_BYTES});
    Rule::keywords(keywords).example("file.jpg")
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
