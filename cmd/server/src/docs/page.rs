//! The page: a bar, the contents, the calls by group, and the messages.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::call::Call;
use super::fields::fields;
use super::text::{escape, prose};
use super::{items, members};

/// Returns the page of a document. Links are relative, so that they also work under the path prefix of a proxy.
pub(super) fn of(document: &Value, has_console: bool) -> String {
    let calls = Call::all(document);
    let groups = items(&document["tags"]);
    let text = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (mut contents, mut sections) = (String::new(), String::new());
    for group in groups {
        let name = group["name"].as_str().unwrap_or_default();
        let description = group["description"].as_str().unwrap_or_default();
        let of_group = calls.iter().filter(|call| call.is_of(name));
        let anchor = anchor(name);
        let _ = write!(
            sections,
            "<section class=\"group\" aria-labelledby=\"{anchor}\"><h2 id=\"{anchor}\" tabindex=\"-1\">{}</h2>{}",
            escape(name),
            prose(description)
        );
        let _ = write!(contents, "<li><a href=\"#{anchor}\">{}</a><ul>", escape(name));
        for call in of_group {
            sections.push_str(&call.html());
            let _ = write!(contents, "<li><a href=\"#{0}\">{0}</a></li>", escape(call.id()));
        }
        sections.push_str("</section>");
        contents.push_str("</ul></li>");
    }
    let console = if has_console {
        "<a class=\"button quiet\" href=\"./\">Console</a>"
    } else {
        ""
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"description\" content=\"Every call of DraftStore's REST API.\"><title>DraftStore API</title>\
         <link rel=\"icon\" href=\"docs/icon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"docs/base.css\">\
         <link rel=\"stylesheet\" href=\"docs/docs.css\"></head><body><a class=\"skip\" href=\"#top\">Skip to the calls</a>\
         <header class=\"bar\"><div class=\"bar-inner\"><img class=\"mark\" src=\"docs/icon.svg\" alt=\"\" width=\"32\" height=\"32\">\
         <p class=\"brand\">{title} <span class=\"soft\">API {version}</span></p>{console}\
         <a class=\"button quiet\" href=\"openapi.json\">openapi.json</a></div></header>\
         <div class=\"page\"><nav class=\"contents\" aria-label=\"Calls\"><ul>{contents}\
         <li><a href=\"#messages\">Messages</a></li></ul></nav>\
         <main><section class=\"group\" aria-labelledby=\"top\"><h1 id=\"top\" tabindex=\"-1\">API</h1>{description}{security}</section>\
         {sections}{messages}</main></div></body></html>\n",
        title = escape(text("/info/title")),
        version = escape(text("/info/version")),
        description = prose(text("/info/description")),
        security = security(document),
        messages = messages(document, &calls),
    )
}

/// Returns the section about authentication.
fn security(document: &Value) -> String {
    let schemes = document
        .pointer("/components/securitySchemes")
        .into_iter()
        .flat_map(members);
    let rows = schemes.map(|(name, scheme)| {
        let description = scheme["description"].as_str().unwrap_or_default();
        let name = escape(name);
        format!(
            "<div class=\"field\"><dt><code class=\"field-name\">{name}</code></dt><dd>{}</dd></div>",
            prose(description)
        )
    });
    let rows: String = rows.collect();
    format!(
        "<div class=\"card\"><div class=\"call-body\"><h2 id=\"authentication\">Authentication</h2><dl class=\"fields\">{rows}</dl></div></div>"
    )
}

/// Returns the section of messages that are used in other messages. The calls show their own messages.
fn messages(document: &Value, calls: &[Call]) -> String {
    let shown: BTreeSet<_> = calls.iter().flat_map(Call::messages).collect();
    let schemas = document.pointer("/components/schemas").into_iter().flat_map(members);
    let mut html = String::from(
        "<section class=\"group\" aria-labelledby=\"messages\"><h2 id=\"messages\" tabindex=\"-1\">Messages</h2>",
    );
    for (name, schema) in schemas {
        if shown.contains(name.as_str()) && !is_inner(document, name) {
            continue;
        }
        let description = schema["description"].as_str().unwrap_or_default();
        let fields = if schema.get("enum").is_some() {
            String::new()
        } else {
            fields(schema)
        };
        let _ = write!(
            html,
            "<article class=\"card call\" aria-labelledby=\"{0}\"><header class=\"call-head\"><h3 id=\"{0}\" tabindex=\"-1\">\
             <a class=\"anchor\" href=\"#{0}\">{0}</a></h3></header><div class=\"call-body\">{1}{fields}</div></article>",
            escape(name),
            prose(description),
        );
    }
    html + "</section>"
}

/// Returns whether a message is used in another one.
fn is_inner(document: &Value, name: &str) -> bool {
    fn refers(json: &Value, reference: &str) -> bool {
        let here = json.get("$ref").and_then(Value::as_str) == Some(reference);
        here || members(json).any(|(_, value)| refers(value, reference))
            || items(json).any(|item| refers(item, reference))
    }
    let reference = format!("#/components/schemas/{name}");
    document
        .pointer("/components/schemas")
        .is_some_and(|schemas| refers(schemas, &reference))
}

/// Returns the anchor of a group.
fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}
