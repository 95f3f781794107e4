//! Tests of the document at `/openapi.json`, and of its rules against the server.

use std::collections::BTreeSet;

use draftstore_testing::http_client;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::front::Front;
use crate::server::Server;

/// The field whose rule depends on the upload: with `part_checksums` it is required, and without it is not allowed.
const OF_THE_UPLOAD: &str = "parts[0].checksum_sha256";

/// The formats whose syntax the document describes in words.
const NAMES: [&str; 3] = ["object-name", "object-name-prefix", "file-name"];

async fn document(server: &Server) -> Value {
    let answer = http_client()
        .get(format!("http://{}/openapi.json", server.http))
        .send()
        .await;
    answer.expect("an answer").json().await.expect("JSON")
}

/// A call of the contract in the document.
struct Call<'d> {
    document: &'d Value,
    route: &'d str,
    schema: &'d Value,
    example: Value,
}

/// A place in a request: a field, or a field of the first item of a list.
#[derive(Debug, Clone)]
struct Place<'d> {
    list: Option<&'d str>,
    field: &'d str,
    rule: &'d Value,
    owner: &'d Value,
}

impl<'d> Call<'d> {
    /// Returns all calls. Their examples have the ID of an existing upload.
    fn all(document: &'d Value, upload_id: &str) -> Vec<Self> {
        let paths = document["paths"].as_object().expect("paths").iter();
        let calls = paths.filter_map(|(path, operations)| {
            let route = path.strip_prefix("/api/v1/")?;
            let content = &operations["post"]["requestBody"]["content"]["application/json"];
            let mut example = content["example"].clone();
            if example.get("upload_id").is_some() {
                example["upload_id"] = upload_id.into();
            }
            let schema = resolved(document, &content["schema"]);
            Some(Self {
                document,
                route,
                schema,
                example,
            })
        });
        calls.collect()
    }

    /// Returns the fields, and those of items of lists. Batches are excluded: the errors of their items are outcomes.
    fn places(&self) -> Vec<Place<'d>> {
        let mut places = Vec::new();
        for (field, rule) in fields(self.schema) {
            let owner = self.schema;
            places.push(Place {
                list: None,
                field,
                rule,
                owner,
            });
            if rule["items"].is_object() && !["uploads", "objects"].contains(&field) {
                let owner = resolved(self.document, &rule["items"]);
                let items = fields(owner).map(|(of_item, rule)| Place {
                    list: Some(field),
                    field: of_item,
                    rule,
                    owner,
                });
                places.extend(items);
            }
        }
        places
    }

    /// Returns the example with this value in this place, and with the fields that the value requires.
    fn request(&self, place: &Place, value: Option<Value>) -> Value {
        let mut request = self.example.clone();
        if let Some(list) = place.list
            && request.get(list).is_none()
        {
            request[list] = json!([{"part_number": 1, "etag": "x"}]);
        }
        let owner = match place.list {
            Some(list) => &mut request[list][0],
            None => &mut request,
        };
        let owner = owner.as_object_mut().expect("a message");
        match value {
            Some(value) => owner.insert(place.field.to_owned(), value),
            None => owner.remove(place.field),
        };
        let needs = &place.owner["dependentSchemas"][place.field]["properties"];
        owner.extend(constants(needs));
        if request.get(place.field).is_some() {
            let needed = place.owner["dependentRequired"][place.field].as_array();
            for name in needed.into_iter().flatten().filter_map(Value::as_str) {
                request[name] = json!("file.jpg");
            }
        }
        request
    }
}

/// Returns the constants that a schema requires of properties, or examples of what it requires.
fn constants(properties: &Value) -> Map<String, Value> {
    let all = properties.as_object().into_iter().flatten();
    all.map(|(name, schema)| {
        let value = schema.get("const").unwrap_or(&schema["examples"][0]);
        (name.clone(), value.clone())
    })
    .collect()
}

impl Place<'_> {
    /// Returns the name of the place in errors.
    fn name(&self) -> String {
        match self.list {
            Some(list) => format!("{list}[0].{}", self.field),
            None => self.field.to_owned(),
        }
    }

    fn allows(&self, kind: &str) -> bool {
        let kinds = &self.rule["type"];
        let mut several = kinds.as_array().into_iter().flatten();
        kinds == kind || several.any(|known| known == kind)
    }

    /// Returns values at the limits.
    fn good(&self) -> Vec<Value> {
        let mut values = Vec::new();
        values.extend(self.rule["examples"].as_array().into_iter().flatten().cloned());
        for limit in ["minimum", "maximum"] {
            if let Some(limit) = self.rule[limit].as_i64() {
                values.extend([json!(limit), json!(limit.to_string()), json!(format!("+00{limit}"))]);
            }
        }
        // A pattern rarely allows letters alone.
        if !self.rule["pattern"].is_string() {
            for limit in ["minLength", "maxLength"] {
                values.extend(self.rule[limit].as_u64().map(letters));
            }
        }
        if self.allows("null") {
            values.push(Value::Null);
        }
        // A filter by media type has no parameters, and no limit of its own.
        if self.field == "content_type" && self.rule["maxLength"].is_number() {
            values = vec![
                json!("image/jpeg"),
                json!(format!("a/{}", "b".repeat(253))),
                json!("text/html ; charset=x"),
            ];
        }
        values
    }

    /// Returns values one step beyond the limits, and of other types.
    fn bad(&self) -> Vec<Option<Value>> {
        let mut values = vec![Some(json!({"x": {}})), Some(json!([[]])), Some(json!(1.5))];
        if let Some(least) = self.rule["minimum"].as_i64() {
            values.extend([Some(json!(least - 1)), Some(json!((least - 1).to_string()))]);
        }
        if let Some(most) = self.rule["maximum"].as_i64() {
            let beyond = i128::from(most) + 1;
            values.push(Some(json!(beyond.to_string())));
            values.push(Some(serde_json::from_str(&beyond.to_string()).expect("a number")));
            values.extend(["", "many", " 1"].map(|text| Some(json!(text))));
        }
        if let Some(least @ 1..) = self.rule["minLength"].as_u64() {
            values.push(Some(letters(least - 1)));
        }
        values.extend(self.rule["maxLength"].as_u64().map(|most| Some(letters(most + 1))));
        if self.rule["pattern"].is_string() || NAMES.iter().any(|format| self.rule["format"] == *format) {
            values.extend(["\u{1}", "", "é\n"].map(|text| Some(json!(text))));
        }
        if self.rule["propertyNames"].is_object() {
            values.push(Some(json!({"": "x"})));
        }
        if self.rule["propertyNames"]["pattern"].is_string() {
            values.extend([json!({"A": "x"}), json!({"a": ""}), json!({"a": " x"})].map(Some));
        }
        if !self.allows("string") && !self.rule["anyOf"].is_array() {
            values.push(Some(json!("x")));
        }
        let required = self.owner["required"].as_array().into_iter().flatten();
        if required.into_iter().any(|name| name == self.field) {
            // The JSON mapping reads `null` as an absent field.
            values.extend([None, Some(Value::Null)]);
        }
        values
    }
}

fn letters(length: u64) -> Value {
    "a".repeat(usize::try_from(length).expect("short")).into()
}

fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let reference = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(schema, |path| document.pointer(path).expect("a component"))
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, rule)| (name.as_str(), rule))
}

/// Returns the fields that the server reports as invalid or too large.
async fn blamed(server: &Server, route: &str, request: &Value) -> BTreeSet<String> {
    let url = format!("http://{}/api/v1/{route}", server.http);
    let answer = http_client().post(url).json(request).send().await.expect("an answer");
    if !matches!(answer.status().as_u16(), 400 | 413) {
        // 501 is for an option that the main bucket of the test does not have.
        let status = answer.status().as_u16();
        assert!(status < 500 || status == 501, "{route}: {request}");
        return BTreeSet::new();
    }
    let problem: Value = answer.json().await.expect("a problem");
    let errors = problem["errors"].as_array().expect("fields").iter();
    errors
        .map(|error| error["field"].as_str().expect("a name").to_owned())
        .collect()
}

async fn upload(server: &Server) -> String {
    let created = Front::Rest
        .call(server, "multipart/create", json!({"object_name": "file.jpg"}))
        .await;
    created.expect("begun")["upload_id"].as_str().expect("an ID").to_owned()
}

/// Tests each limit in the document, and one step beyond.
#[tokio::test(flavor = "multi_thread")]
async fn every_rule_in_the_document_is_enforced() {
    let server = Server::start();
    let document = document(&server).await;
    let mut tried = 0;
    for call in Call::all(&document, &upload(&server).await) {
        assert_eq!(
            blamed(&server, call.route, &call.example).await,
            BTreeSet::new(),
            "{}: its example",
            call.route
        );
        for place in call.places() {
            let name = place.name();
            for value in place.good().into_iter().filter(|_| name != OF_THE_UPLOAD) {
                // The upload has the name in the example, no page token is valid for another caller, and the server has no policy
                // with destinations.
                let of_upload = matches!(place.field, "object_name" | "draft_id" | "upload_id");
                let bound = matches!(place.field, "page_token" | "after" | "destination")
                    || call.example.get("upload_id").is_some() && of_upload;
                let request = call.request(&place, Some(value.clone()));
                let blamed = blamed(&server, call.route, &request).await;
                assert!(
                    bound || blamed.is_empty(),
                    "{}: {name} of {value}: {blamed:?}",
                    call.route
                );
                tried += 1;
            }
            for value in place.bad() {
                let request = call.request(&place, value.clone());
                let blamed = blamed(&server, call.route, &request).await;
                let found = blamed.iter().any(|field| field.starts_with(&name));
                assert!(found, "{}: {name} of {value:?}: {blamed:?}", call.route);
                tried += 1;
            }
        }
        let unknown = call.request(
            &Place {
                list: None,
                field: "nonsense",
                rule: &Value::Null,
                owner: &Value::Null,
            },
            Some(json!(1)),
        );
        assert!(
            blamed(&server, call.route, &unknown).await.contains("nonsense"),
            "{}",
            call.route
        );
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_between_fields_are_enforced() {
    let server = Server::start();
    let document = document(&server).await;
    let mut tried = 0;
    for call in Call::all(&document, &upload(&server).await) {
        for place in call.places() {
            let needs = constants(&place.owner["dependentSchemas"][place.field]["properties"]);
            for needed in needs.keys() {
                let value = place.rule["examples"][0].clone();
                let value = if value.is_null() {
                    place.rule["minimum"].clone()
                } else {
                    value
                };
                let mut request = call.request(&place, Some(value));
                request.as_object_mut().expect("a message").remove(needed);
                assert!(
                    blamed(&server, call.route, &request).await.contains(place.field),
                    "{}: {needed}",
                    call.route
                );
                tried += 1;
            }
        }
        if call.schema["if"].is_object() {
            let mut request = call.example.clone();
            let object = request.as_object_mut().expect("a message");
            object.extend(constants(&call.schema["if"]["properties"]));
            assert_ne!(
                blamed(&server, call.route, &request).await,
                BTreeSet::new(),
                "{}",
                call.route
            );
            let then = call.schema["then"]["properties"]
                .as_object()
                .expect("what has to go with it");
            for (field, rule) in then {
                for value in rule["enum"].as_array().expect("choices") {
                    request[field] = value.clone();
                    assert_eq!(
                        blamed(&server, call.route, &request).await,
                        BTreeSet::new(),
                        "{}: {value}",
                        call.route
                    );
                    tried += 1;
                }
            }
        }
        if let Some(both) = call.schema["not"]["required"].as_array() {
            let mut request = call.example.clone();
            for field in both {
                request[field.as_str().expect("a name")] = json!(1);
            }
            assert_ne!(
                blamed(&server, call.route, &request).await,
                BTreeSet::new(),
                "{}",
                call.route
            );
            tried += 1;
        }
    }
    assert!(tried >= 4, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn list_lengths_in_the_document_are_enforced() {
    let server = Server::start();
    let document = document(&server).await;
    let mut tried = 0;
    for call in Call::all(&document, &upload(&server).await) {
        for (field, rule) in fields(call.schema).filter(|(_, rule)| rule["items"].is_object()) {
            let (least, most) = (rule["minItems"].as_u64(), rule["maxItems"].as_u64());
            let (least, most) = least.zip(most).expect("limits of a list");
            for (length, allowed) in [(0, least == 0), (1, true), (most, true), (most + 1, false)] {
                let mut request = call.example.clone();
                request[field] = (1..=length).map(|number| item(call.route, number)).collect();
                let blamed = blamed(&server, call.route, &request).await;
                assert_eq!(!blamed.contains(field), allowed, "{}: {length} of {field}", call.route);
                tried += 1;
            }
        }
    }
    assert!(tried >= 16, "{tried}");
}

fn item(route: &str, number: u64) -> Value {
    match route {
        "multipart/sign-parts" => json!({"part_number": number}),
        "multipart/complete" => json!({"part_number": number, "etag": "x"}),
        "tickets" => json!("image/png"),
        "update-object" => json!("tags"),
        "redeliver-events" => json!(format!("evt_{number:026}")),
        _ => json!({"object_name": format!("none/{number}")}),
    }
}

/// The document has the configured limits of this server.
#[tokio::test(flavor = "multi_thread")]
async fn document_has_the_limits_of_this_server() {
    let server = Server::start_with(&[("UPLOAD_TTL", "11"), ("DOWNLOAD_TTL", "12"), ("OBJECT_LIFETIME", "13")]);
    let document = document(&server).await;
    let most = |message: &str, field: &str| {
        document["components"]["schemas"][message]["properties"][field]["maximum"].as_i64()
    };
    assert_eq!(most("GetUploadURLRequest", "expires_in"), Some(11));
    assert_eq!(most("GetDownloadURLRequest", "expires_in"), Some(12));
    assert_eq!(most("GetUploadURLRequest", "draft_lifetime"), Some(13));
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_document_is_304() {
    let server = Server::start();
    let url = format!("http://{}/openapi.json", server.http);
    let first = http_client().get(&url).send().await.expect("an answer");
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()["content-type"], "application/json");
    assert_eq!(first.headers()["cache-control"], "no-cache");
    assert_eq!(first.headers()["x-content-type-options"], "nosniff");
    assert!(first.headers().contains_key("x-request-id"));
    let etag = first.headers()["etag"].to_str().expect("ASCII").to_owned();
    for (tags, status) in [
        (etag.clone(), StatusCode::NOT_MODIFIED),
        (format!("\"other\", W/{etag}"), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let request = http_client().get(&url).header("if-none-match", &tags);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{tags}");
        assert_eq!(answer.headers()["etag"], etag.as_str());
    }
}

/// The header has the same rule as the field.
#[tokio::test(flavor = "multi_thread")]
async fn idempotency_key_header_has_the_rule_of_the_document() {
    let server = Server::start();
    let url = format!("http://{}/api/v1/confirm-upload", server.http);
    for (key, status) in [
        ("a".repeat(128), 404),
        ("a".repeat(129), 400),
        ("a b".to_owned(), 400),
        (String::new(), 400),
    ] {
        let request = http_client().post(&url).header("idempotency-key", &key);
        let answer = request
            .body(r#"{"object_name":"none"}"#)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{key:?}");
    }
}
