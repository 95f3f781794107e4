//! The schemas of messages, in the JSON mapping of the REST front.
//!
//! Requests may have numbers in strings, enumerations by number and `null` for absent fields, but no unknown fields. Responses
//! have 64-bit numbers in strings and every field that is not optional, and may get new fields.

use serde_json::{Map, Value, json};

use super::contract::{Contract, Enumeration, Field, Kind, Message, Presence};
use super::rules::{Rule, rule, together};
use super::whole_number::whole_number;
use super::{Facts, members, reference};

/// Returns the schemas of all messages and enumerations.
pub(super) fn schemas(contract: &Contract, facts: Facts) -> Map<String, Value> {
    let requests = contract.reachable(contract.methods.iter().map(|method| method.request.as_str()));
    let responses = contract.reachable(contract.methods.iter().map(|method| method.response.as_str()));
    let requests = requests
        .into_iter()
        .map(|it| (it.name.clone(), request(it, contract, facts)));
    let responses = responses.into_iter().map(|it| (it.name.clone(), response(it)));
    let enumerations = contract.enumerations.iter();
    let enumerations = enumerations.map(|it| (it.name.clone(), enumeration(it)));
    requests.chain(responses).chain(enumerations).collect()
}

/// Returns a request with its required fields, and no other.
pub(super) fn example(message: &str, contract: &Contract, facts: Facts) -> Value {
    let fields = contract.message(message).fields.iter();
    let members = fields.filter_map(|field| {
        let rule = rule(message, &field.name, facts);
        if !rule.required {
            return None;
        }
        let one = || {
            if let Kind::Message(name) = &field.kind {
                example(name, contract, facts)
            } else {
                "…".into()
            }
        };
        let value = match rule.example {
            Some(example) => example,
            None if field.is_list => json!([one()]),
            None => one(),
        };
        Some((field.name.clone(), value))
    });
    members.collect()
}

/// Returns the fields of a request as parameters of a query.
pub(super) fn parameters(message: &str, contract: &Contract, facts: Facts) -> Vec<Value> {
    let fields = contract.message(message).fields.iter();
    let parameter = |field: &Field| {
        let rule = rule(message, &field.name, facts);
        let is_required = rule.required;
        let schema = in_request(field, Rule { required: true, ..rule }, contract);
        let mut parameter = json!({"name": field.name, "in": "query", "required": is_required, "schema": schema});
        if is_required {
            parameter["example"] = parameter["schema"]["examples"][0].clone();
        }
        parameter
    };
    fields.map(parameter).collect()
}

/// Returns a sample of a response: its required fields, the first of alternatives, and the properties of an object.
pub(super) fn response_example(message: &str, contract: &Contract) -> Value {
    const OPTIONAL: [&str; 4] = ["etag", "size", "content_type", "event"];
    let fields = &contract.message(message).fields;
    let first = fields.iter().find(|field| field.presence == Presence::OneOf);
    let first = first.map(|field| field.name.as_str());
    let shown = |field: &&Field| match field.presence {
        Presence::Always => true,
        Presence::Optional => OPTIONAL.contains(&field.name.as_str()),
        Presence::OneOf => first == Some(&field.name),
    };
    let members = fields.iter().filter(shown).map(|field| {
        let value = match &field.kind {
            Kind::Text => sample(&field.name).into(),
            Kind::Bool => (field.name != "replayed" && field.name != "part_checksums").into(),
            Kind::Int32 => 1.into(),
            Kind::Int64 => if field.name == "part_size" { "8388608" } else { "4096" }.into(),
            Kind::Enumeration(name) => contract.enumeration(name).values[1].name.as_str().into(),
            Kind::Message(name) => response_example(name, contract),
            Kind::Timestamp => "2027-01-01T12:00:00Z".into(),
            Kind::Map => json!({}),
        };
        let value = if field.is_list { json!([value]) } else { value };
        (field.name.clone(), value)
    });
    members.collect()
}

/// Returns a sample of a text in a response.
fn sample(field: &str) -> &'static str {
    match field {
        "upload_url" | "download_url" => "https://store.example.com/main-draft/file.jpg?X-Amz-Signature=…",
        "object_name" => "file.jpg",
        "draft_bucket" | "created" => "main-draft",
        "main_bucket" => "main",
        "final_location" => "main/file.jpg",
        "method" => "PUT",
        "etag" => "b1946ac92492d2347c6235b4d2611184",
        "content_type" => "image/jpeg",
        "upload_id" => "UPLOAD_ID",
        "state_id" => "unchecked:b1946ac92492d2347c6235b4d2611184",
        "running" => "clamd",
        "folders" => "photos/",
        "version_id" => "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
        "event_id" => "evt_01KAN3XJ5V8Q7R2M4T6W9Y0ZBC",
        "type" => "draft.confirmed",
        "cursor" => "CURSOR",
        "cloud_event" => "{\"specversion\":\"1.0\",\"id\":\"evt_01KAN3XJ5V8Q7R2M4T6W9Y0ZBC\",…}",
        "check" => "type",
        "code" => "TYPE_DIFFERS",
        "tenant" => "acme",
        "detail" => "The file is text/html, and was declared as image/png.",
        "ticket" => "dst_…",
        "path" => "/t/dst_…",
        "ticket_id" => "4c1e5f0a9b7d4e21",
        _ => UNKNOWN_SAMPLE,
    }
}

/// The sample of a text that this module does not know. A test finds it.
pub(super) const UNKNOWN_SAMPLE: &str = "?";

fn request(message: &Message, contract: &Contract, facts: Facts) -> Value {
    let ruled = |field: &Field| rule(&message.name, &field.name, facts);
    let properties = message.fields.iter();
    let properties = properties.map(|field| (field.name.clone(), in_request(field, ruled(field), contract)));
    let required = message.fields.iter().filter(|field| ruled(field).required);
    let mut schema = of_object(message, properties.collect(), required);
    schema["additionalProperties"] = false.into();
    extend(&mut schema, &together(&message.name));
    schema
}

fn response(message: &Message) -> Value {
    let fields = message.fields.iter();
    let properties = fields.map(|field| (field.name.clone(), in_response(field)));
    let always = message.fields.iter().filter(|field| field.presence == Presence::Always);
    let mut schema = of_object(message, properties.collect(), always);
    let choices = message.fields.iter().filter(|field| field.presence == Presence::OneOf);
    let choices: Vec<_> = choices.map(|field| json!({"required": [field.name]})).collect();
    if !choices.is_empty() {
        schema["oneOf"] = choices.into();
    }
    schema
}

fn of_object<'f>(
    message: &Message,
    properties: Map<String, Value>,
    required: impl Iterator<Item = &'f Field>,
) -> Value {
    let required: Vec<_> = required.map(|field| field.name.as_str()).collect();
    let mut schema = json!({"type": "object", "description": message.comment});
    schema["properties"] = properties.into();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn in_request(field: &Field, rule: Rule, contract: &Contract) -> Value {
    let number = |format: &str, least: i64, most: i64| {
        let (least, most) = rule.range.unwrap_or((least, most));
        let mut schema = json!({"type": ["integer", "string"]});
        extend(
            &mut schema,
            &json!({"format": format, "minimum": least, "maximum": most}),
        );
        if least >= 0 {
            schema["pattern"] = whole_number(least, most).into();
        }
        schema
    };
    let one = match &field.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => number("int32", i32::MIN.into(), i32::MAX.into()),
        Kind::Int64 => number("int64", i64::MIN, i64::MAX),
        Kind::Enumeration(name) => by_name_or_number(contract.enumeration(name)),
        Kind::Message(name) => reference("schemas", name),
        Kind::Timestamp => json!({"type": "string", "format": "date-time"}),
        Kind::Map => json!({"type": "object"}),
    };
    let mut schema = listed(field, one);
    if !rule.required {
        allow_null(&mut schema);
    }
    extend(&mut schema, &rule.keywords);
    schema["description"] = field.comment.as_str().into();
    if let Some(example) = rule.example {
        schema["examples"] = json!([example]);
    }
    schema
}

/// Lets a schema allow `null`, which stands for an absent field.
fn allow_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type") {
        let mut all = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        all.push("null".into());
        *types = all.into();
    } else if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.push(json!({"type": "null"}));
    } else {
        *schema = json!({"anyOf": [schema.clone(), {"type": "null"}]});
    }
}

fn in_response(field: &Field) -> Value {
    let one = match &field.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 => json!({"type": "integer", "format": "int32"}),
        Kind::Int64 => json!({"type": "string", "format": "int64", "pattern": "^(?:0|-?[1-9][0-9]{0,18})$"}),
        Kind::Enumeration(name) | Kind::Message(name) => reference("schemas", name),
        Kind::Timestamp => json!({"type": "string", "format": "date-time"}),
        Kind::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
    };
    let mut schema = listed(field, one);
    schema["description"] = field.comment.as_str().into();
    schema
}

fn listed(field: &Field, one: Value) -> Value {
    if field.is_list {
        json!({"type": "array", "items": one})
    } else {
        one
    }
}

fn by_name_or_number(enumeration: &Enumeration) -> Value {
    let numbers: Vec<_> = enumeration.values.iter().map(|value| value.number).collect();
    let numbers = json!({"type": "integer", "enum": numbers});
    json!({"anyOf": [reference("schemas", &enumeration.name), numbers]})
}

fn enumeration(enumeration: &Enumeration) -> Value {
    let values = enumeration.values.iter();
    let lines: Vec<_> = values
        .map(|value| format!("- `{}`: {}", value.name, value.comment))
        .collect();
    let names: Vec<_> = enumeration.values.iter().map(|value| value.name.as_str()).collect();
    json!({
        "type": "string",
        "description": format!("{}\n\n{}", enumeration.comment, lines.join("\n")),
        "enum": names,
    })
}

/// Sets further keywords of a schema.
fn extend(schema: &mut Value, keywords: &Value) {
    for (name, value) in members(keywords) {
        schema[name] = value.clone();
    }
}
