//! The conversion of schemas to lists of fields, each with its type, rules and description.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::{escape, inline, prose};
use super::{items, members};

/// The maximum length of a pattern. The descriptions explain longer ones better.
const LONGEST_PATTERN: usize = 60;

/// Returns the fields of a message, or a sentence if it has none.
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

/// Returns the fields of a list's items, if they are not a message with a name.
fn nested(field: &Value) -> String {
    let items = field.get("items").filter(|items| items.get("properties").is_some());
    items
        .map(|items| format!("<div class=\"nested\">{}</div>", fields(items)))
        .unwrap_or_default()
}

/// Returns the name of the component in a reference.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// Returns the name of a type. A message is a link.
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

/// Returns the rules for a value.
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
