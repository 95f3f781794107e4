//! The section of a call: its description, request, example, response and errors.

use std::fmt::Write as _;

use serde_json::Value;

use super::fields::{fields, referred};
use super::text::{escape, inline, prose};
use super::{BASE_URL_MARK, items, members};

/// An operation of the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'d> {
    pub(super) document: &'d Value,
    pub(super) path: &'d str,
    pub(super) method: &'d str,
    pub(super) operation: &'d Value,
}

impl<'d> Call<'d> {
    /// Returns all operations of a document.
    pub(super) fn all(document: &'d Value) -> Vec<Self> {
        let paths = members(&document["paths"]);
        let calls = paths.flat_map(|(path, operations)| {
            let operations = members(operations);
            operations.map(move |(method, operation)| Self {
                document,
                path,
                method,
                operation,
            })
        });
        calls.collect()
    }

    /// Returns the name, which is also the anchor.
    pub(super) fn id(&self) -> &'d str {
        self.text("operationId")
    }

    pub(super) fn text(&self, name: &str) -> &'d str {
        self.operation[name].as_str().unwrap_or_default()
    }

    pub(super) fn is_of(&self, tag: &str) -> bool {
        let mut tags = items(&self.operation["tags"]);
        tags.any(|known| known == tag)
    }

    /// Returns the names of the schemas of the request and the response.
    pub(super) fn messages(&self) -> impl Iterator<Item = &'d str> {
        let contents = self.request().into_iter().chain(self.response());
        contents.filter_map(|content| referred(content.get("schema")?))
    }

    pub(super) fn html(&self) -> String {
        let id = escape(self.id());
        let mut html = format!(
            "<article class=\"card call\" aria-labelledby=\"{id}\"><header class=\"call-head\"><h3 id=\"{id}\" tabindex=\"-1\">\
             <a class=\"anchor\" href=\"#{id}\">{id}</a></h3><p class=\"route\"><span class=\"method\">{}</span> \
             <code>{}</code></p>{}</header><div class=\"call-body\"><p><strong>{}.</strong></p>{}",
            escape(&self.method.to_uppercase()),
            escape(self.path),
            self.scope(),
            inline(self.text("summary")),
            prose(self.text("description")),
        );
        html.push_str(&self.parameters());
        if let Some(schema) = self.request().and_then(|content| content.get("schema")) {
            let _ = write!(html, "<h4>Request</h4>{}", fields(self.resolved(schema)));
        }
        let _ = write!(
            html,
            "<h4>Example</h4><pre class=\"code\"><code>{}</code></pre>",
            escape(&self.curl())
        );
        html.push_str(&self.responses());
        html + "</div></article>"
    }

    fn scope(&self) -> String {
        let scopes = items(&self.operation["x-scope"]);
        let scopes: Vec<_> = scopes
            .filter_map(Value::as_str)
            .map(|set| inline(&format!("`{}`", set.replace(' ', "` and `"))))
            .collect();
        if scopes.is_empty() {
            return "<p class=\"scope\">No authentication</p>".to_owned();
        }
        format!("<p class=\"scope\">Scope {}</p>", scopes.join(" or "))
    }

    fn parameters(&self) -> String {
        let all = items(&self.operation["parameters"]);
        let mut rows = String::new();
        for parameter in all.map(|parameter| self.resolved(parameter)) {
            let text = |name: &str| parameter[name].as_str().unwrap_or_default();
            let required = parameter["required"] == true;
            let _ = write!(
                rows,
                "<div class=\"field\"><dt><code class=\"field-name\">{}</code> <span class=\"type\">in the {}</span>{}</dt>\
                 <dd>{}</dd></div>",
                escape(text("name")),
                escape(text("in")),
                if required {
                    " <span class=\"badge required\">required</span>"
                } else {
                    ""
                },
                prose(text("description")),
            );
        }
        format!("<h4>Parameters</h4><dl class=\"fields\">{rows}</dl>")
    }

    fn responses(&self) -> String {
        let responses = members(&self.operation["responses"]);
        let mut html = String::from("<h4>Response</h4>");
        if let Some(content) = self.response() {
            let schema = self.resolved(&content["schema"]);
            let description = schema["description"].as_str().unwrap_or_default();
            let _ = write!(
                html,
                "{}{}{}",
                prose(description),
                fields(schema),
                sample(&content["example"])
            );
        }
        let failures = responses.filter(|(status, _)| *status != "200");
        let rows: String = failures
            .map(|(status, response)| failure(status, self.resolved(response)))
            .collect();
        if !rows.is_empty() {
            let _ = write!(html, "<h4>Errors</h4><ul class=\"errors\">{rows}</ul>");
        }
        html
    }

    /// Returns a command for a shell.
    fn curl(&self) -> String {
        let mut command = String::from("curl -s");
        if self.method != "get" && self.method != "post" {
            let _ = write!(command, " -X {}", self.method.to_uppercase());
        }
        let mut alternatives = items(&self.operation["security"]);
        if !alternatives.any(|alternative| members(alternative).next().is_none()) {
            command.push_str(" -H \"authorization: Bearer $TOKEN\"");
        }
        let (mut path, mut query) = (self.path.to_owned(), Vec::new());
        for parameter in items(&self.operation["parameters"]) {
            let text = |name: &str| parameter[name].as_str().unwrap_or_default();
            let Some(example) = parameter
                .get("example")
                .and_then(|example| serde_json::to_string(example).ok())
            else {
                continue;
            };
            let example = example.trim_matches('"');
            if text("in") == "path" {
                path = path.replace(&format!("{{{}}}", text("name")), example);
            } else {
                query.push(format!("{}={example}", text("name")));
            }
        }
        let url = if query.is_empty() {
            path
        } else {
            format!("{path}?{}", query.join("&"))
        };
        let _ = if url.contains('&') || url.contains('?') {
            write!(command, " '{BASE_URL_MARK}{url}'")
        } else {
            write!(command, " {BASE_URL_MARK}{url}")
        };
        let body = self.request().and_then(|content| content.get("example"));
        if let Some(body) = body.and_then(|body| serde_json::to_string(body).ok()) {
            let _ = write!(command, " -d '{body}'");
        }
        command
    }

    fn request(&self) -> Option<&'d Value> {
        let content = self.operation.pointer("/requestBody/content")?;
        content.get("application/json")
    }

    fn response(&self) -> Option<&'d Value> {
        let content = self.operation.get("responses")?.get("200")?.get("content")?;
        content.get("application/json")
    }

    fn resolved(&self, schema: &'d Value) -> &'d Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let path = reference.and_then(|reference| reference.strip_prefix('#'));
        path.and_then(|path| self.document.pointer(path)).unwrap_or(schema)
    }
}

/// Returns a sample of a message.
fn sample(json: &Value) -> String {
    let json = serde_json::to_string_pretty(json).unwrap_or_default();
    format!("<pre class=\"code sample\"><code>{}</code></pre>", escape(&json))
}

/// Returns an error status with its codes and samples.
fn failure(status: &str, response: &Value) -> String {
    let content = members(&response["content"]).next();
    let parts = content
        .and_then(|(_, content)| content.pointer("/schema/allOf"))
        .into_iter()
        .flat_map(items);
    let samples = content.and_then(|(_, content)| content.get("examples")).into_iter();
    let samples: String = samples
        .flat_map(members)
        .map(|(_, example)| sample(&example["value"]))
        .collect();
    let reasons = parts.filter_map(|part| part.get("properties")).flat_map(members);
    let reasons = reasons.flat_map(|(_, reason)| items(&reason["enum"]));
    let reasons: Vec<_> = reasons
        .filter_map(Value::as_str)
        .map(|reason| format!("<code>{}</code>", escape(reason)))
        .collect();
    let description = response["description"].as_str().unwrap_or_default();
    let samples = if samples.is_empty() {
        samples
    } else {
        format!("<details><summary>Sample</summary>{samples}</details>")
    };
    format!(
        "<li><span class=\"status\">{}</span> <div>{} <span class=\"soft\">{}</span>{samples}</div></li>",
        escape(status),
        reasons.join(" "),
        inline(description)
    )
}
