//! The profiles of the policy: named limits of uploads, and checks of drafts.

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_service::caller::{CheckSettings, ContentTypes, Profile};
use draftstore_service::{ObjectHeader, ObjectHeaders, StorageOption};

use super::file;
use super::problems::Problems;

/// The profiles of a policy, by name.
pub type Profiles = BTreeMap<String, Profile>;

pub(super) fn profiles(written: &BTreeMap<String, file::Profile>, problems: &mut Problems) -> Profiles {
    let named = written.iter();
    named
        .map(|(name, written)| {
            let place = format!("profiles.{name}");
            (name.clone(), profile(&place, written, problems))
        })
        .collect()
}

fn profile(place: &str, written: &file::Profile, problems: &mut Problems) -> Profile {
    for (field, value) in [
        ("max_object_bytes", written.max_object_bytes),
        ("max_draft_lifetime", written.max_draft_lifetime),
    ] {
        if value == Some(0) {
            problems.add(format_args!("{place}.{field}"), "must be at least 1");
        }
    }
    let content_types = written.content_types.as_ref().map(|texts| {
        let place = format!("{place}.content_types");
        if texts.is_empty() {
            problems.add(&place, "must allow something: leave it out to allow everything");
        }
        problems.each::<ContentTypes>(&place, texts).into_iter().collect()
    });
    let mut headers = ObjectHeaders::NONE;
    for (header, value) in [
        (ObjectHeader::CacheControl, &written.cache_control),
        (ObjectHeader::ContentDisposition, &written.content_disposition),
        (ObjectHeader::ContentEncoding, &written.content_encoding),
        (ObjectHeader::ContentLanguage, &written.content_language),
        (ObjectHeader::Expires, &written.expires),
    ] {
        if let Some(value) = value {
            problems.take(format_args!("{place}.{}", header.as_str()), headers.set(header, value));
        }
    }
    if written.checks.as_ref().is_some_and(CheckSettings::is_empty) {
        let rule = "must have type, image, archive or clamd: leave it out to check nothing";
        problems.add(format_args!("{place}.checks"), rule);
    }
    let storage_options = written.storage_options.as_ref().map(|names| {
        let option = |name: &String| {
            let rule = || format!("has {name:?}, which is none of {}", StorageOption::NAMES.join(", "));
            let known = StorageOption::of_name(name).ok_or_else(rule);
            problems.take(format_args!("{place}.storage_options"), known)
        };
        names.iter().filter_map(option).collect()
    });
    if let Some(clamd) = written.checks.as_ref().and_then(|checks| checks.clamd.as_ref())
        && clamd.addresses.is_empty()
    {
        let rule = "must have at least one address, HOST:PORT or unix:/PATH";
        problems.add(format_args!("{place}.checks.clamd.addresses"), rule);
    }
    Profile {
        headers,
        storage_options,
        checks: written.checks.clone(),
        max_object_bytes: written.max_object_bytes,
        content_types,
        max_draft_lifetime: written.max_draft_lifetime.map(Duration::from_secs),
    }
}

/// Returns the profile of that name, or records an error.
pub(super) fn named(profiles: &Profiles, place: &str, name: &str, problems: &mut Problems) -> Option<Profile> {
    let found = profiles.get(name).cloned();
    problems.take(place, found.ok_or_else(|| format!("there is no [profiles.{name}]")))
}
