//! Tests that the document matches the router, the contract and the checked-in copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use axum::routing::MethodFilter;

use super::contract::{Contract, Presence};
use super::schema::UNKNOWN_SAMPLE;
use super::*;
use crate::calls::{CALLS, Call};
use crate::errors::REASONS;
use crate::labels::CODES;
use crate::rest::{PUBLIC_ROUTES, uppy_routes};

/// The default limits, with authentication.
const FACTS: Facts = Facts {
    upload_ttl: 3600,
    download_ttl: 3600,
    object_lifetime: 86_400,
    requires_auth: true,
};

/// The checked-in copy shows the effect of a change on clients.
/// `OPENAPI=write cargo test -p draftstore-controller openapi` updates it.
#[test]
fn document_matches_the_checked_in_copy() {
    let made = serde_json::to_string_pretty(&document(FACTS, "/")).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var("OPENAPI").is_ok_and(|value| value == "write") {
        fs::write(&path, &made).expect("written");
    }
    let golden = fs::read_to_string(&path).expect("lib/controller/openapi.json");
    let first = made.lines().zip(golden.lines()).find(|(made, golden)| made != golden);
    assert!(
        made == golden,
        "lib/controller/openapi.json is out of date; the first difference is {first:?}. To update it: \
         OPENAPI=write cargo test -p draftstore-controller openapi"
    );
}

#[test]
fn documented_paths_match_the_routes() {
    let mut routes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |path: String, method: &str| routes.entry(path).or_default().insert(method.to_owned());
    for call in CALLS {
        add(call.path.to_owned(), "post");
        if call.is_stream() {
            add(call.path.to_owned(), "get");
        }
    }
    for path in PUBLIC_ROUTES {
        add(path.to_owned(), "get");
    }
    for route in uppy_routes() {
        let methods = [
            (MethodFilter::GET, "get"),
            (MethodFilter::POST, "post"),
            (MethodFilter::DELETE, "delete"),
        ];
        let method = methods.iter().find(|(filter, _)| *filter == route.method);
        add(format!("/uppy{}", route.path), method.expect("one of these").1);
    }
    let document = document(FACTS, "/");
    let documented: BTreeMap<_, BTreeSet<_>> = members(&document["paths"])
        .map(|(path, operations)| {
            let methods = members(operations).map(|(method, _)| method.clone());
            (path.clone(), methods.collect())
        })
        .collect();
    assert_eq!(documented, routes);
}

#[test]
fn every_rpc_has_a_route_and_names_it() {
    let proto = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/draft/v1/draft.proto"));
    let proto = proto.expect("the contract");
    let calls: BTreeSet<_> = Contract::read().methods.into_iter().map(|method| method.rpc).collect();
    let routes: BTreeSet<_> = CALLS.iter().map(|call| call.rpc.as_str().to_owned()).collect();
    assert_eq!(calls, routes);
    for Call { rpc, path, .. } in CALLS {
        let rpc = rpc.as_str();
        assert!(
            proto.contains(&format!("  // REST: POST {path}\n  rpc {rpc}(")),
            "the comment of {rpc} must name POST {path}"
        );
    }
}

#[test]
fn readme_lists_every_call() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md"));
    let readme = readme.expect("the README");
    for Call { rpc, path, .. } in CALLS {
        let rpc = rpc.as_str();
        assert!(readme.contains(&format!("| `{rpc}` | `POST {path}` |")), "{rpc}");
    }
}

#[test]
fn every_message_and_field_has_a_comment() {
    let contract = Contract::read();
    for message in &contract.messages {
        assert!(!message.comment.is_empty(), "{}", message.name);
        for field in &message.fields {
            assert!(!field.comment.is_empty(), "{}.{}", message.name, field.name);
        }
    }
    for enumeration in &contract.enumerations {
        assert!(
            enumeration.values.iter().all(|value| !value.comment.is_empty()),
            "{}",
            enumeration.name
        );
    }
}

/// A message has one schema, and the schemas of requests and responses follow different rules.
#[test]
fn no_message_is_in_both_requests_and_responses() {
    let contract = Contract::read();
    let requests = contract.reachable(contract.methods.iter().map(|method| method.request.as_str()));
    let responses = contract.reachable(contract.methods.iter().map(|method| method.response.as_str()));
    for message in &requests {
        let both = responses.iter().any(|other| other.name == message.name);
        assert!(!both, "{}", message.name);
        let choices = message.fields.iter().any(|field| field.presence == Presence::OneOf);
        assert!(!choices, "{}: a oneof in a request is not supported", message.name);
    }
}

/// Calls `check` with every string of a JSON value, and with the name of the member that has it.
fn strings<'j>(json: &'j Value, name: &'j str, check: &mut impl FnMut(&'j str, &'j str)) {
    if let Some(text) = json.as_str() {
        check(name, text);
    }
    for (name, value) in members(json) {
        strings(value, name, check);
    }
    for item in json.as_array().into_iter().flatten() {
        strings(item, name, check);
    }
}

#[test]
fn texts_have_the_names_of_rest() {
    let codes = CODES.map(|code| format!("{code} "));
    strings(&document(FACTS, "/"), "", &mut |name, text| {
        if !matches!(name, "description" | "summary") {
            return;
        }
        let text = format!("{} ", text.replace(['.', ',', ':', ';', ')'], " "));
        for code in &codes {
            // `gRPC's code` describes a field with it.
            let is_grpc = text.contains(code.as_str()) && !REASONS.iter().any(|reason| reason.name == code.trim());
            assert!(!is_grpc || code == "OK ", "{code} in {text}");
        }
        for call in CALLS {
            assert!(
                !text.contains(&format!("{} ", call.rpc.as_str())),
                "{:?} in {text}",
                call.rpc
            );
        }
    });
}

#[test]
fn every_operation_has_a_summary_a_description_and_samples() {
    let document = document(FACTS, "/");
    for (path, operations) in members(&document["paths"]) {
        for (_, operation) in members(operations) {
            let text = |name: &str| operation[name].as_str().unwrap_or_default();
            let (summary, description) = (text("summary"), text("description"));
            assert!(!summary.is_empty() && !summary.ends_with('.'), "{path}: {summary:?}");
            assert!(description.ends_with('.'), "{path}: {description:?}");
            assert!(!description.starts_with(summary), "{path}: {description:?}");
            for (status, response) in members(&operation["responses"]) {
                if status == "200" {
                    let content = &response["content"];
                    let of_stream = &content["text/event-stream"]["example"];
                    let example = &content["application/json"]["example"];
                    assert!(
                        example.is_object() || example.is_array() || of_stream.is_string(),
                        "{path}"
                    );
                    strings(example, "", &mut |name, text| {
                        assert_ne!(text, UNKNOWN_SAMPLE, "{path}: {name}");
                    });
                }
            }
        }
    }
}

#[test]
fn every_error_response_has_a_sample_of_each_reason() {
    fn check(name: &str, json: &Value) {
        let reasons = json.pointer("/schema/allOf/1/properties").into_iter().flat_map(members);
        for reason in reasons.flat_map(|(_, property)| property["enum"].as_array().into_iter().flatten()) {
            let reason = reason.as_str().expect("a name");
            let has_sample = json["examples"].get(reason).is_some();
            assert!(
                has_sample || ["STORE_CREDENTIALS_REFUSED", "STORE_UNSUPPORTED"].contains(&reason),
                "{name}: {reason}"
            );
        }
        for (name, value) in members(json) {
            check(name, value);
        }
    }
    check("", &document(FACTS, "/"));
}

#[test]
fn every_reference_resolves() {
    fn references<'j>(json: &'j Value, found: &mut Vec<&'j str>) {
        for (name, value) in members(json) {
            if name == "$ref" {
                found.extend(value.as_str());
            }
            references(value, found);
        }
        for item in json.as_array().into_iter().flatten() {
            references(item, found);
        }
    }
    let document = document(FACTS, "/");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let path = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[test]
fn credentials_are_optional_without_auth() {
    let security = |requires_auth| {
        let document = document(Facts { requires_auth, ..FACTS }, "/");
        document["paths"]["/api/v1/upload-url"]["post"]["security"].to_string()
    };
    assert_eq!(security(true), r#"[{"bearer":[]},{"mutualTLS":[]}]"#);
    assert_eq!(security(false), r#"[{},{"bearer":[]},{"mutualTLS":[]}]"#);
}
