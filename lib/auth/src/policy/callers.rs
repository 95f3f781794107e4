//! The callers of the policy, which have credentials of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use draftstore_service::Scope;
use draftstore_service::caller::{Caller, HiddenTexts, Names, Scopes};

use crate::api_key::Digest;

use super::destinations::granted;
use super::file::{self, KeysFile};
use super::problems::Problems;
use super::profiles::{Profiles, named};
use super::{CallerName, Policy, Sources};

/// Adds all callers to the policy, with their credentials.
pub(super) fn add(policy: &mut Policy, sources: &Sources, profiles: &Profiles, problems: &mut Problems) {
    let mut callers = BTreeMap::new();
    let mut digests = BTreeSet::new();
    for (name, written) in &sources.file.callers {
        let place = format!("callers.{name}");
        problems.take(&place, name.parse::<CallerName>());
        let mut caller = caller(&place, name, written, profiles, problems);
        let own = granted(
            &policy.destinations,
            &format!("{place}.destinations"),
            &written.destinations,
            problems,
        );
        caller.profile.destinations.extend(own);
        let caller = Arc::new(caller);
        add_keys(
            policy,
            &format!("{place}.api_keys"),
            &written.api_keys,
            &caller,
            &mut digests,
            problems,
        );
        add_certificates(policy, &format!("{place}.certificates"), written, &caller, problems);
        callers.insert(name.as_str(), caller);
    }
    for (name, keys) in &keys_file(sources, problems) {
        let place = format!("api_keys_file: {name}");
        match callers.get(name.as_str()) {
            Some(caller) => add_keys(policy, &place, keys, caller, &mut digests, problems),
            None => problems.add(place, format_args!("there is no [callers.{name}]")),
        }
    }
}

fn caller(place: &str, name: &str, written: &file::Caller, profiles: &Profiles, problems: &mut Problems) -> Caller {
    let tenant = written.tenant.as_ref();
    let profile = written.profile.as_ref();
    Caller {
        name: name.to_owned(),
        principal: name.to_owned(),
        scopes: scopes(&format!("{place}.scopes"), &written.scopes, problems),
        tenant: tenant.and_then(|text| problems.take(format_args!("{place}.tenant"), text.parse())),
        profile: profile
            .and_then(|name| named(profiles, &format!("{place}.profile"), name, problems))
            .unwrap_or_default(),
        names: Names::Any,
        drafts: None,
    }
}

/// Parses a list of scopes, which must not be empty.
pub(super) fn scopes(place: &str, texts: &[String], problems: &mut Problems) -> Scopes {
    if texts.is_empty() {
        problems.add(place, "must name at least one scope");
    }
    problems.each::<Scope>(place, texts).into_iter().collect()
}

fn add_keys(
    policy: &mut Policy,
    place: &str,
    texts: &HiddenTexts,
    caller: &Arc<Caller>,
    known: &mut BTreeSet<Digest>,
    problems: &mut Problems,
) {
    for digest in problems.each::<Digest>(place, texts.expose()) {
        if known.insert(digest) {
            policy.keys.add(digest, Arc::clone(caller));
        } else {
            problems.add(place, format_args!("{digest} is listed twice"));
        }
    }
}

fn add_certificates(
    policy: &mut Policy,
    place: &str,
    written: &file::Caller,
    caller: &Arc<Caller>,
    problems: &mut Problems,
) {
    for (index, text) in written.certificates.iter().enumerate() {
        let place = format!("{place}[{index}]");
        if let Some(san) = problems.take(&place, text.parse())
            && let Some(other) = policy.certificates.add(san, Arc::clone(caller))
        {
            problems.add(
                &place,
                format_args!("{text} is listed before, at callers.{}", other.name),
            );
        }
    }
}

fn keys_file(sources: &Sources, problems: &mut Problems) -> KeysFile {
    let Some(name) = &sources.file.keys else {
        return KeysFile::new();
    };
    let place = "api_keys_file";
    let content = sources.content(place, name, problems);
    let keys = content.and_then(|content| problems.take(place, file::read(content)));
    keys.unwrap_or_default()
}
