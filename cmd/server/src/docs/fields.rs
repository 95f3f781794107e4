//! Schemas as lists of fields, each with its type, its rules and what it is.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::{escape, inline, prose};
use super::{items, members};

/// Longer patterns say less than the words beside them.
const LONGEST_PATTERN: usize = 60;

/// The fields of a message, or a sentence where it has none.
pub(super) fn fields(schema: &Value) -> String {
    let mut properties = members(&schema["properties"]).peekable();
    if properties.peek().is_none() {
        return match schema.get("items") {
            Some(items) => format!("<p class=\"soft\">A list of:</p>{}", fields(items)),
            None => "<p class=\"soft\">No fields.</p>".to_owned(),
        };
    }
    let mut html = String::from("<dl class=\"fields\">");
    for (name, field) in properties {
        let required = items(&schema["required"]).any(|known| known == name);
        let _ = write!(
            html,
            "<div class=\"field\"><dt><code class=\"field-name\">{}</code> <span class=\"type\">{}</span>{}</dt><dd>{}{}{}</dd></div>",
            escape(name),
            kind(field),
            if required {
                " <span class=\"badge required\">required</span>"
            } else {
                ""
            },
            prose(field["description"].as_str().unwrap_or_default()),
            rules(field),
            nested(field),
        );
    }
    html + "</dl>"
}

/// The fields of what a list has in it, where that is not a message of its own.
fn nested(field: &Value) -> String {
    let items = field.get("items").filter(|items| items.get("properties").is_some());
    items
        .map(|items| format!("<div class=\"nested\">{}</div>", fields(items)))
        .unwrap_or_default()
}

/// The name of a component, in a reference to it.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// A type, as people say it; that of a message is a link.
fn kind(field: &Value) -> String {
    if let Some(name) = referred(field) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    if let Some(first) = field.pointer("/anyOf/0") {
        return kind(first);
    }
    let one = field
        .get("type")
        .and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match one {
        Some("array") => format!("list of {}", field.get("items").map(kind).unwrap_or_default()),
        Some("object") if field.get("additionalProperties").is_some() => "map of strings".to_owned(),
        Some("string") => match field["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            Some("int64") => "64-bit integer in a string".to_owned(),
            Some(_) | None => "string".to_owned(),
        },
        Some(other) => escape(other),
        None => String::new(),
    }
}

/// What a value is held to.
fn rules(field: &Value) -> String {
    let number = |name: &str| field[name].as_i64();
    let mut rules = Vec::new();
    for (least, most, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ] {
        match (number(least), number(most)) {
            (Some(least), Some(most)) if most < i64::MAX => rules.push(format!("{least} to {most}{unit}")),
            (Some(least), _) => rules.push(format!("at least {least}{unit}")),
            (None, Some(most)) => rules.push(format!("at most {most}{unit}")),
            (None, None) => {}
        }
    }
    let is_number = number("minimum").is_some();
    let pattern = field["pattern"].as_str();
    if let Some(pattern) = pattern.filter(|pattern| !is_number && pattern.len() <= LONGEST_PATTERN) {
        rules.push(format!("<code>{}</code>", escape(pattern)));
    }
    let choices: Vec<_> = items(&field["enum"]).filter_map(Value::as_str).collect();
    if !choices.is_empty() {
        rules.push(inline(&format!("`{}`", choices.join("`, `"))));
    }
    if rules.is_empty() {
        return String::new();
    }
    format!("<p class=\"rules\">{}</p>", rules.join(" · "))
}
