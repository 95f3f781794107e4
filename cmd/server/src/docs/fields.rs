//! Schemas as lists of fields, each with its type, its rules and what it is.

use std::fmt::Write as _;

use draftstore_controller::Json;

use super::text::{escape, inline, prose};

/// Longer patterns say less than the words beside them.
const LONGEST_PATTERN: usize = 60;

/// The fields of a message, or a sentence where it has none.
pub(super) fn fields(schema: &Json) -> String {
    let members = schema.get("properties").map_or(&[][..], Json::members);
    if members.is_empty() {
        return match schema.get("items") {
            Some(items) => format!("<p class=\"soft\">A list of:</p>{}", fields(items)),
            None => "<p class=\"soft\">No fields.</p>".to_owned(),
        };
    }
    let required = schema.get("required").map_or(&[][..], Json::items);
    let mut html = String::from("<dl class=\"fields\">");
    for (name, field) in members {
        let required = required.iter().any(|known| known.text() == Some(name));
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
            prose(field.get("description").and_then(Json::text).unwrap_or_default()),
            rules(field),
            nested(field),
        );
    }
    html + "</dl>"
}

/// The fields of what a list has in it, where that is not a message of its own.
fn nested(field: &Json) -> String {
    let items = field.get("items").filter(|items| items.get("properties").is_some());
    items
        .map(|items| format!("<div class=\"nested\">{}</div>", fields(items)))
        .unwrap_or_default()
}

/// The name of a component, in a reference to it.
pub(super) fn referred(schema: &Json) -> Option<&str> {
    schema.get("$ref")?.text()?.rsplit('/').next()
}

/// A type, as people say it; that of a message is a link.
fn kind(field: &Json) -> String {
    if let Some(name) = referred(field) {
        return format!("<a href=\"#{0}\">{0}</a>", escape(name));
    }
    if let Some(first) = field.get("anyOf").and_then(|choices| choices.items().first()) {
        return kind(first);
    }
    let one = field
        .get("type")
        .and_then(|kind| kind.text().or_else(|| kind.items().first()?.text()));
    match one {
        Some("array") => format!("list of {}", field.get("items").map(kind).unwrap_or_default()),
        Some("object") if field.get("additionalProperties").is_some() => "map of strings".to_owned(),
        Some("string") => match field.get("format").and_then(Json::text) {
            Some("date-time") => "time".to_owned(),
            Some("int64") => "64-bit integer in a string".to_owned(),
            Some(_) | None => "string".to_owned(),
        },
        Some(other) => escape(other),
        None => String::new(),
    }
}

/// What a value is held to.
fn rules(field: &Json) -> String {
    let number = |name: &str| {
        field.get(name).and_then(|value| match value {
            Json::Integer(number) => Some(*number),
            Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => None,
        })
    };
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
    let pattern = field.get("pattern").and_then(Json::text);
    if let Some(pattern) = pattern.filter(|pattern| !is_number && pattern.len() <= LONGEST_PATTERN) {
        rules.push(format!("<code>{}</code>", escape(pattern)));
    }
    let choices: Vec<_> = field
        .get("enum")
        .map_or(&[][..], Json::items)
        .iter()
        .filter_map(Json::text)
        .collect();
    if !choices.is_empty() {
        rules.push(inline(&format!("`{}`", choices.join("`, `"))));
    }
    if rules.is_empty() {
        return String::new();
    }
    format!("<p class=\"rules\">{}</p>", rules.join(" · "))
}
