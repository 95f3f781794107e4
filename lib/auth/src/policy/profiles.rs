//! The profiles of the policy: named limits of uploads, and checks of drafts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use draftstore_service::caller::{
    CheckSettings, Checks, ContentTypes, Destinations, FixedOptions, FixedRetention, MAX_ARCHIVE_DEPTH,
    MAX_SCANNED_BYTES, Profile, WebhookCheck,
};
use draftstore_service::draft::RequestedOptions;
use draftstore_service::limits::MAX_TAG_CHARS;
use draftstore_service::{ObjectHeader, ObjectHeaders, RetentionMode, StorageOption};
use draftstore_webhooks::{Destination, PrivateHosts};

use super::destinations::granted;
use super::file;
use super::problems::Problems;
use super::sources::Sources;
use super::webhooks::secrets;

/// The profiles of a policy, by name.
pub type Profiles = BTreeMap<String, Profile>;

pub(super) fn profiles(sources: &Sources, destinations: &Destinations, problems: &mut Problems) -> Profiles {
    let named = sources.file.profiles.iter();
    named
        .map(|(name, written)| {
            let place = format!("profiles.{name}");
            let profile = Profile {
                name: Some(name.clone()),
                destinations: granted_to(&place, written, destinations, problems),
                ..profile(&place, written, sources, problems)
            };
            (name.clone(), profile)
        })
        .collect()
}

fn profile(place: &str, written: &file::Profile, sources: &Sources, problems: &mut Problems) -> Profile {
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
        let rule = "must have type, image, archive, clamd, tag or webhook: leave it out to check nothing";
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
    let checks = written.checks.as_ref();
    let checks = checks.map(|written| Checks {
        settings: checked(&format!("{place}.checks"), written, sources, problems),
        content_types: content_types.clone(),
    });
    let profile = Profile {
        name: None,
        headers,
        auto_confirm: written.auto_confirm,
        auto_confirm_destination: written.auto_confirm_destination.clone(),
        destinations: Destinations::new(),
        storage_options,
        fixed_options: FixedOptions::default(),
        checks,
        max_object_bytes: written.max_object_bytes,
        content_types,
        max_draft_lifetime: written.max_draft_lifetime.map(Duration::from_secs),
    };
    let fixed_options = written.fixed_options.as_ref();
    let fixed_options =
        fixed_options.and_then(|written| fixed(&format!("{place}.fixed_options"), written, &profile, problems));
    Profile {
        fixed_options: fixed_options.unwrap_or_default(),
        ..profile
    }
}

/// Returns the destinations that the callers of a profile may name.
fn granted_to(place: &str, written: &file::Profile, all: &Destinations, problems: &mut Problems) -> Destinations {
    let granted = granted(all, &format!("{place}.destinations"), &written.destinations, problems);
    if let Some(name) = &written.auto_confirm_destination {
        let place = format!("{place}.auto_confirm_destination");
        if !written.auto_confirm {
            problems.add(&place, "must not be set without auto_confirm");
        }
        if !written.destinations.contains(name) {
            problems.add(&place, "must be one of the destinations of the profile");
        }
    }
    granted
}

/// Returns the options that a profile or a destination sets, or records an error for each that breaks a rule.
pub(super) fn fixed(
    place: &str,
    written: &file::FixedOptions,
    profile: &Profile,
    problems: &mut Problems,
) -> Option<FixedOptions> {
    let options = RequestedOptions {
        tags: written.tags.clone(),
        storage_class: written.storage_class.clone(),
        retention: None,
        legal_hold: written.legal_hold,
        encryption: written.encryption.clone(),
        kms_key_id: written.kms_key_id.clone(),
    };
    let retention = written.retention.as_ref().map(|retention| FixedRetention {
        mode: match retention.mode {
            file::FixedMode::Governance => RetentionMode::Governance,
            file::FixedMode::Compliance => RetentionMode::Compliance,
        },
        days: retention.days,
    });
    match FixedOptions::new(&options, retention, profile) {
        Ok(fixed) => Some(fixed),
        Err(broken) => {
            for violation in broken {
                problems.add(format_args!("{place}.{}", violation.field), violation.rule);
            }
            None
        }
    }
}

/// Returns the settings of checks, with the secrets of scanners. Records an error for each rule that they break.
fn checked(place: &str, written: &CheckSettings, sources: &Sources, problems: &mut Problems) -> CheckSettings {
    let mut settings = written.clone();
    report_bounds(place, &settings, problems);
    if let Some(webhook) = &mut settings.webhook {
        check_webhook(&format!("{place}.webhook"), webhook, sources, problems);
    }
    settings
}

/// Records an error for each bound of a check that nothing could pass, or that is not kept.
fn report_bounds(place: &str, checks: &CheckSettings, problems: &mut Problems) {
    let mut bound = |field: &str, value: u64, most: u64| {
        if value == 0 || value > most {
            let rule = match most {
                u64::MAX => "must be at least 1".to_owned(),
                most => format!("must be from 1 to {most}"),
            };
            problems.add(format_args!("{place}.{field}"), rule);
        }
    };
    if let Some(image) = &checks.image {
        bound("image.max_width", image.max_width.into(), u64::MAX);
        bound("image.max_height", image.max_height.into(), u64::MAX);
        bound("image.max_pixels", image.max_pixels, u64::MAX);
        bound("image.max_frames", image.max_frames.into(), u64::MAX);
    }
    if let Some(archive) = &checks.archive {
        bound("archive.max_entries", archive.max_entries.into(), u64::MAX);
        bound("archive.max_unpacked_bytes", archive.max_unpacked_bytes, u64::MAX);
        bound("archive.max_ratio", archive.max_ratio.into(), u64::MAX);
        bound("archive.max_depth", archive.max_depth.into(), MAX_ARCHIVE_DEPTH);
    }
    if let Some(clamd) = &checks.clamd {
        bound("clamd.max_bytes", clamd.max_bytes, MAX_SCANNED_BYTES);
        if clamd.addresses.is_empty() {
            let rule = "must have at least one address, HOST:PORT or unix:/PATH";
            problems.add(format_args!("{place}.clamd.addresses"), rule);
        }
    }
    if let Some(tag) = &checks.tag {
        if !(1..=MAX_TAG_CHARS).contains(&tag.key.chars().count()) {
            let rule = format!("must have 1 to {MAX_TAG_CHARS} characters");
            problems.add(format_args!("{place}.tag.key"), rule);
        }
        if tag.accepted.is_empty() {
            problems.add(format_args!("{place}.tag.accepted"), "must have at least one value");
        }
        if let Some(both) = tag.accepted.iter().find(|value| tag.refused.contains(value)) {
            let rule = format!("has {both:?}, which is accepted as well");
            problems.add(format_args!("{place}.tag.refused"), rule);
        }
    }
}

/// Reads the secrets of scanners. Records an error for each scanner that cannot be asked.
fn check_webhook(place: &str, check: &mut WebhookCheck, sources: &Sources, problems: &mut Problems) {
    let count = check.scanners.len();
    if !(1..=WebhookCheck::MAX_SCANNERS).contains(&count) {
        let rule = format!("must have 1 to {}", WebhookCheck::MAX_SCANNERS);
        problems.add(format_args!("{place}.scanners"), rule);
    }
    if check.quorum.is_some_and(|quorum| !(1..=count).contains(&quorum)) {
        let rule = format!("must be from 1 to the number of scanners, {count}");
        problems.add(format_args!("{place}.quorum"), rule);
    }
    let hosts = PrivateHosts::try_from(check.private_hosts.clone());
    let hosts = problems.take(format_args!("{place}.private_hosts"), hosts);
    let mut names = BTreeSet::new();
    for (number, scanner) in check.scanners.iter_mut().enumerate() {
        let place = format!("{place}.scanners[{number}]");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = 1..=WebhookCheck::MAX_NAME_BYTES;
        if !length.contains(&scanner.name.len()) || !scanner.name.bytes().all(is_plain) {
            let rule = "must have 1 to 63 letters, digits, '-', '_' and '.'";
            problems.add(format_args!("{place}.name"), rule);
        } else if !names.insert(scanner.name.clone()) {
            problems.add(format_args!("{place}.name"), "must be another one for each scanner");
        }
        if let Some(hosts) = &hosts {
            problems.take(format_args!("{place}.url"), Destination::new(&scanner.url, hosts));
        }
        let file = scanner.secrets_file.as_deref();
        if let Some((texts, _)) = secrets(&place, &scanner.secrets, file, sources, problems) {
            scanner.secrets = texts;
        }
    }
}

/// Returns the profile of that name, or records an error.
pub(super) fn named(profiles: &Profiles, place: &str, name: &str, problems: &mut Problems) -> Option<Profile> {
    let found = profiles.get(name).cloned();
    problems.take(place, found.ok_or_else(|| format!("there is no [profiles.{name}]")))
}
