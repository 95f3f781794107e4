//! The meaning of lifecycle rules: what is due for the versions of a key, and for uploads. Pure functions of the time.

use s3s::dto::{ExpirationStatus, LifecycleRule, LifecycleRuleFilter, Tag, Timestamp};

use crate::clock::{self, days_later};
use crate::index::{ObjectClass, ObjectRecord, Version, VersionStamp};

/// An act that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Delete the current object: with a delete marker, where the bucket has versions.
    Expire,
    /// Delete this version for good.
    Remove(VersionStamp),
    /// Move this version to another class.
    Move(VersionStamp, ObjectClass),
}

/// The rules of a bucket that are enabled.
#[derive(Debug)]
pub(super) struct Rules(Vec<LifecycleRule>);

impl Rules {
    pub(super) fn enabled(rules: Vec<LifecycleRule>) -> Self {
        let enabled = |rule: &LifecycleRule| rule.status.as_str() == ExpirationStatus::ENABLED;
        Self(rules.into_iter().filter(enabled).collect())
    }

    /// Returns true if an upload of this key that began then is to be aborted.
    pub(super) fn aborts(&self, key: &str, initiated_ms: i64, now_ms: i64) -> bool {
        self.0.iter().any(|rule| {
            let abort = rule.abort_incomplete_multipart_upload.as_ref();
            let days = abort.and_then(|abort| abort.days_after_initiation);
            key.starts_with(prefix(rule)) && is_due(days, None, initiated_ms, now_ms)
        })
    }
}

/// The evaluation of one key, whose versions are added from the newest to the oldest.
#[derive(Debug)]
pub(super) struct KeyEvaluation<'r> {
    rules: &'r Rules,
    now_ms: i64,
    key: String,
    /// The version that was added last.
    newer: Option<VersionStamp>,
    /// The number of versions that are not current and newer than the next one.
    newer_noncurrent: i32,
    /// The delete marker that is the newest version, as long as there is no other.
    lone_marker: Option<VersionStamp>,
    actions: Vec<Action>,
}

impl<'r> KeyEvaluation<'r> {
    pub(super) fn new(rules: &'r Rules, key: String, now_ms: i64) -> Self {
        Self {
            rules,
            now_ms,
            key,
            newer: None,
            newer_noncurrent: 0,
            lone_marker: None,
            actions: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn add(&mut self, version: &Version) {
        self.lone_marker = None;
        match (version, self.newer) {
            (Version::Object(object), None) => self.add_current(object),
            (Version::DeleteMarker(marker), None) => self.lone_marker = Some(*marker),
            (version, Some(newer)) => {
                self.add_noncurrent(version, newer.stored_ms());
                self.newer_noncurrent += 1;
            }
        }
        self.newer = Some(version.stamp());
    }

    /// Returns what is due.
    pub(super) fn finish(mut self) -> Vec<Action> {
        if let Some(marker) = self.lone_marker
            && self.rules.0.iter().any(|rule| self.removes_marker(rule, marker))
        {
            self.actions.push(Action::Remove(marker));
        }
        self.actions
    }

    fn add_current(&mut self, object: &ObjectRecord) {
        let matching = || self.rules.0.iter().filter(|rule| selects(rule, &self.key, object));
        let expires = matching()
            .filter_map(|rule| rule.expiration.as_ref())
            .any(|expiration| {
                is_due(
                    expiration.days,
                    expiration.date.as_ref(),
                    object.modified_ms,
                    self.now_ms,
                )
            });
        if expires {
            self.actions.push(Action::Expire);
            return;
        }
        let due = matching()
            .flat_map(|rule| rule.transitions.iter().flatten())
            .filter(|transition| {
                is_due(
                    transition.days,
                    transition.date.as_ref(),
                    object.modified_ms,
                    self.now_ms,
                )
            });
        let classes = due.filter_map(|transition| class(transition.storage_class.as_ref()?.as_str()));
        let coldest = coldest(classes, object.attributes.class);
        self.actions
            .extend(coldest.map(|class| Action::Move(object.version, class)));
    }

    fn add_noncurrent(&mut self, version: &Version, since_ms: i64) {
        let is_due = |days: Option<i32>, newer: Option<i32>| {
            self.newer_noncurrent >= newer.unwrap_or_default() && is_due(days, None, since_ms, self.now_ms)
        };
        let matching = || {
            self.rules.0.iter().filter(|rule| match version {
                Version::Object(object) => selects(rule, &self.key, object),
                Version::DeleteMarker(_) => selects_marker(rule, &self.key),
            })
        };
        let expires = matching()
            .filter_map(|rule| rule.noncurrent_version_expiration.as_ref())
            .any(|expiration| is_due(expiration.noncurrent_days, expiration.newer_noncurrent_versions));
        if expires {
            self.actions.push(Action::Remove(version.stamp()));
            return;
        }
        let Version::Object(object) = version else { return };
        let due = matching()
            .flat_map(|rule| rule.noncurrent_version_transitions.iter().flatten())
            .filter(|transition| is_due(transition.noncurrent_days, transition.newer_noncurrent_versions));
        let classes = due.filter_map(|transition| class(transition.storage_class.as_ref()?.as_str()));
        let coldest = coldest(classes, object.attributes.class);
        self.actions
            .extend(coldest.map(|class| Action::Move(object.version, class)));
    }

    /// Returns true if the rule removes a delete marker without other versions: by name, or by its age.
    fn removes_marker(&self, rule: &LifecycleRule, marker: VersionStamp) -> bool {
        let Some(expiration) = rule.expiration.as_ref().filter(|_| selects_marker(rule, &self.key)) else {
            return false;
        };
        expiration.expired_object_delete_marker == Some(true)
            || (expiration.days.is_some() && is_due(expiration.days, None, marker.stored_ms(), self.now_ms))
    }
}

fn is_due(days: Option<i32>, date: Option<&Timestamp>, from_ms: i64, now_ms: i64) -> bool {
    let by_days = days
        .and_then(|days| u32::try_from(days).ok())
        .is_some_and(|days| days_later(from_ms, days) <= now_ms);
    by_days || date.is_some_and(|date| clock::timestamp_seconds(date) <= clock::seconds(now_ms))
}

/// Returns the prefix of the keys that a rule is for.
fn prefix(rule: &LifecycleRule) -> &str {
    let filter = rule.filter.as_ref();
    let in_and = || filter.and_then(|filter| filter.and.as_ref()?.prefix.as_deref());
    let of_filter = filter.and_then(|filter| filter.prefix.as_deref()).or_else(in_and);
    rule.prefix.as_deref().or(of_filter).unwrap_or_default()
}

fn selects(rule: &LifecycleRule, key: &str, object: &ObjectRecord) -> bool {
    if !key.starts_with(prefix(rule)) {
        return false;
    }
    let Some(filter) = &rule.filter else { return true };
    let has_tag = |tag: &Tag| {
        let value = object.attributes.tags.get(tag.key.as_deref().unwrap_or_default());
        value.is_some_and(|value| *value == tag.value.as_deref().unwrap_or_default())
    };
    let size = i64::try_from(object.size).unwrap_or(i64::MAX);
    let and = filter.and.as_ref();
    filter
        .tag
        .iter()
        .chain(and.iter().flat_map(|and| and.tags.iter().flatten()))
        .all(has_tag)
        && [
            filter.object_size_greater_than,
            and.and_then(|and| and.object_size_greater_than),
        ]
        .into_iter()
        .flatten()
        .all(|least| size > least)
        && [
            filter.object_size_less_than,
            and.and_then(|and| and.object_size_less_than),
        ]
        .into_iter()
        .flatten()
        .all(|most| size < most)
}

/// Returns true if the rule is for a delete marker, which has neither tags nor a size.
fn selects_marker(rule: &LifecycleRule, key: &str) -> bool {
    let by_object = |filter: &LifecycleRuleFilter| {
        let and = filter.and.as_ref();
        filter.tag.is_some()
            || filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
            || and.is_some_and(|and| {
                and.tags.as_ref().is_some_and(|tags| !tags.is_empty())
                    || and.object_size_greater_than.is_some()
                    || and.object_size_less_than.is_some()
            })
    };
    key.starts_with(prefix(rule)) && !rule.filter.as_ref().is_some_and(by_object)
}

fn class(name: &str) -> Option<ObjectClass> {
    ObjectClass::parse(Some(name)).ok()
}

/// Returns the coldest of the classes, if it is colder than the present one. Objects never move back.
fn coldest(classes: impl Iterator<Item = ObjectClass>, present: ObjectClass) -> Option<ObjectClass> {
    classes
        .max_by_key(|class| coldness(*class))
        .filter(|class| coldness(*class) > coldness(present))
}

fn coldness(class: ObjectClass) -> u8 {
    match class {
        ObjectClass::Standard | ObjectClass::ReducedRedundancy => 0,
        ObjectClass::StandardIa => 1,
        ObjectClass::IntelligentTiering => 2,
        ObjectClass::OneZoneIa => 3,
        ObjectClass::GlacierInstantRetrieval => 4,
        ObjectClass::Glacier => 5,
        ObjectClass::DeepArchive => 6,
    }
}
