//! The document agrees with the router, with the contract, and with the copy of it that is checked in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use axum::routing::MethodFilter;

use super::contract::{Contract, Presence};
use super::*;
use crate::calls::{CALLS, Call};
use crate::rest::{PUBLIC_ROUTES, uppy_routes};

/// As it is where nothing is configured but that callers have to say who they are.
const FACTS: Facts = Facts {
    upload_ttl: 3600,
    download_ttl: 3600,
    object_lifetime: 86_400,
    requires_auth: true,
};

/// The copy that is checked in shows what a change of the contract does to clients.
/// `OPENAPI=write cargo test -p draftstore-controller openapi` writes it anew.
#[test]
fn document_is_the_one_that_is_checked_in() {
    let made = serde_json::to_string_pretty(&document(FACTS)).expect("JSON") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var("OPENAPI").is_ok_and(|value| value == "write") {
        fs::write(&path, &made).expect("written");
    }
    let golden = fs::read_to_string(&path).expect("lib/controller/openapi.json");
    let first = made.lines().zip(golden.lines()).find(|(made, golden)| made != golden);
    assert!(
        made == golden,
        "lib/controller/openapi.json is not what is served, from {first:?} on: \
         OPENAPI=write cargo test -p draftstore-controller openapi"
    );
}

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let mut routes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut add = |path: String, method: &str| routes.entry(path).or_default().insert(method.to_owned());
    for call in CALLS {
        add(call.path.to_owned(), "post");
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
    let document = document(FACTS);
    let documented: BTreeMap<_, BTreeSet<_>> = members(&document["paths"])
        .map(|(path, operations)| {
            let methods = members(operations).map(|(method, _)| method.clone());
            (path.clone(), methods.collect())
        })
        .collect();
    assert_eq!(documented, routes);
}

#[test]
fn every_call_of_the_contract_has_a_route_and_names_it() {
    let proto = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/draft/v1/draft.proto"));
    let proto = proto.expect("the contract");
    let calls: BTreeSet<_> = Contract::read().methods.into_iter().map(|method| method.rpc).collect();
    let routes: BTreeSet<_> = CALLS.iter().map(|call| call.rpc.as_str().to_owned()).collect();
    assert_eq!(calls, routes);
    for Call { rpc, path, .. } in CALLS {
        let rpc = rpc.as_str();
        assert!(
            proto.contains(&format!("  // REST: POST {path}\n  rpc {rpc}(")),
            "{rpc} does not say that it is POST {path}"
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
fn everything_is_explained() {
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

/// A message has one schema: requests are read by other rules than answers are written.
#[test]
fn no_message_is_in_requests_and_answers() {
    let contract = Contract::read();
    let requests = contract.reachable(contract.methods.iter().map(|method| method.request.as_str()));
    let responses = contract.reachable(contract.methods.iter().map(|method| method.response.as_str()));
    for message in &requests {
        let both = responses.iter().any(|other| other.name == message.name);
        assert!(!both, "{}", message.name);
        let choices = message.fields.iter().any(|field| field.presence == Presence::OneOf);
        assert!(
            !choices,
            "{}: how a choice is asked for is not documented",
            message.name
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
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
    let document = document(FACTS);
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let path = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[test]
fn credentials_are_optional_where_none_are_required() {
    let security = |requires_auth| {
        let document = document(Facts { requires_auth, ..FACTS });
        document["paths"]["/api/v1/upload-url"]["post"]["security"].to_string()
    };
    assert_eq!(security(true), r#"[{"bearer":[]},{"mutualTLS":[]}]"#);
    assert_eq!(security(false), r#"[{},{"bearer":[]},{"mutualTLS":[]}]"#);
}
