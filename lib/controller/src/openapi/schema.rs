//! Messages as schemas, by the JSON mapping that the REST front speaks.
//!
//! Requests may have numbers in strings, enumerations by number and optional fields of `null`, and no field that is not
//! known. Answers have 64-bit numbers in strings, every field but those that are optional, and may get new ones.

use super::Facts;
use super::contract::{Contract, Enumeration, Field, Kind, Message, Presence};
use super::json::{Json, object, reference, texts};
use super::pattern::whole_number;
use super::rules::{Rule, rule, together};

/// The schemas of all messages and enumerations.
pub(super) fn schemas(contract: &Contract, facts: Facts) -> Vec<(String, Json)> {
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

/// A request that has what it must have, and nothing else.
pub(super) fn example(message: &str, contract: &Contract, facts: Facts) -> Json {
    let fields = contract.message(message).fields.iter();
    let members = fields.filter_map(|field| {
        let rule = rule(message, &field.name, facts);
        let value = rule.required.then(|| match (&field.kind, rule.example) {
            (_, Some(example)) => example,
            (Kind::Message(name), None) => example(name, contract, facts),
            (_, None) => "…".into(),
        });
        let value = value.map(|value| if field.is_list { vec![value].into() } else { value });
        value.map(|value| (field.name.clone(), value))
    });
    Json::Object(members.collect())
}

fn request(message: &Message, contract: &Contract, facts: Facts) -> Json {
    let ruled = |field: &Field| rule(&message.name, &field.name, facts);
    let properties = message.fields.iter();
    let properties = properties.map(|field| (field.name.clone(), in_request(field, ruled(field), contract)));
    let required = message.fields.iter().filter(|field| ruled(field).required);
    let schema = of_object(message, properties.collect(), required).with("additionalProperties", false);
    together(&message.name)
        .into_iter()
        .fold(schema, |schema, (name, value)| schema.with(name, value))
}

fn response(message: &Message) -> Json {
    let properties = message
        .fields
        .iter()
        .map(|field| (field.name.clone(), in_response(field)));
    let always = message.fields.iter().filter(|field| field.presence == Presence::Always);
    let schema = of_object(message, properties.collect(), always);
    let choices = message.fields.iter().filter(|field| field.presence == Presence::OneOf);
    let choices: Vec<_> = choices
        .map(|field| object([("required", texts([&field.name]))]))
        .collect();
    if choices.is_empty() {
        schema
    } else {
        schema.with("oneOf", choices)
    }
}

fn of_object<'f>(
    message: &Message,
    properties: Vec<(String, Json)>,
    required: impl Iterator<Item = &'f Field>,
) -> Json {
    let required: Vec<_> = required.map(|field| field.name.clone()).collect();
    let schema = object([
        ("type", "object".into()),
        ("description", message.comment.as_str().into()),
        ("properties", Json::Object(properties)),
    ]);
    if required.is_empty() {
        schema
    } else {
        schema.with("required", texts(required))
    }
}

fn in_request(field: &Field, rule: Rule, contract: &Contract) -> Json {
    let or_null = |types: &[&str]| {
        let null = (field.presence == Presence::Optional).then_some("null");
        let types: Vec<_> = types.iter().copied().chain(null).collect();
        let types = match types[..] {
            [one] => one.into(),
            _ => texts(types),
        };
        object([("type", types)])
    };
    let number = |format: &str, least: i64, most: i64| {
        let (least, most) = rule.range.unwrap_or((least, most));
        let schema = or_null(&["integer", "string"]).with("format", format);
        let schema = schema.with("minimum", least).with("maximum", most);
        if least < 0 {
            schema
        } else {
            schema.with("pattern", whole_number(least, most))
        }
    };
    let one = match &field.kind {
        Kind::Text => or_null(&["string"]),
        Kind::Bool => or_null(&["boolean"]),
        Kind::Int32 => number("int32", i32::MIN.into(), i32::MAX.into()),
        Kind::Int64 => number("int64", i64::MIN, i64::MAX),
        Kind::Enumeration(name) => by_name_or_number(contract.enumeration(name)),
        Kind::Message(name) => reference("schemas", name),
        Kind::Timestamp => or_null(&["string"]).with("format", "date-time"),
        Kind::Map => or_null(&["object"]),
    };
    let keywords = rule.keywords.into_iter();
    let schema = keywords.fold(listed(field, one), |schema, (name, value)| schema.with(name, value));
    let schema = schema.with("description", field.comment.as_str());
    match rule.example {
        Some(example) => schema.with("examples", vec![example]),
        None => schema,
    }
}

fn in_response(field: &Field) -> Json {
    let one = match &field.kind {
        Kind::Text => object([("type", "string".into())]),
        Kind::Bool => object([("type", "boolean".into())]),
        Kind::Int32 => object([("type", "integer".into()), ("format", "int32".into())]),
        Kind::Int64 => object([
            ("type", "string".into()),
            ("format", "int64".into()),
            ("pattern", "^(?:0|-?[1-9][0-9]{0,18})$".into()),
        ]),
        Kind::Enumeration(name) | Kind::Message(name) => reference("schemas", name),
        Kind::Timestamp => object([("type", "string".into()), ("format", "date-time".into())]),
        Kind::Map => object([
            ("type", "object".into()),
            ("additionalProperties", object([("type", "string".into())])),
        ]),
    };
    listed(field, one).with("description", field.comment.as_str())
}

fn listed(field: &Field, one: Json) -> Json {
    if field.is_list {
        object([("type", "array".into()), ("items", one)])
    } else {
        one
    }
}

fn by_name_or_number(enumeration: &Enumeration) -> Json {
    let numbers = enumeration.values.iter().map(|value| i64::from(value.number).into());
    let numbers = object([("type", "integer".into()), ("enum", Json::List(numbers.collect()))]);
    object([("anyOf", vec![reference("schemas", &enumeration.name), numbers].into())])
}

fn enumeration(enumeration: &Enumeration) -> Json {
    let values = enumeration.values.iter();
    let lines = values.map(|value| format!("- `{}`: {}", value.name, value.comment));
    let lines: Vec<_> = lines.collect();
    let names = enumeration.values.iter().map(|value| value.name.as_str());
    object([
        ("type", "string".into()),
        (
            "description",
            format!("{}\n\n{}", enumeration.comment, lines.join("\n")).into(),
        ),
        ("enum", texts(names)),
    ])
}
