//! The storage options that a profile sets for every object of its callers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{Retention, RetentionMode, StorageOptions};

use super::Profile;
use crate::Violation;
use crate::draft::RequestedOptions;
use crate::draft::options::tags_rule;
use crate::violation::Violations;

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// The storage options that a profile sets. A request may leave them out, or have the same values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FixedOptions {
    /// The options, without the retention.
    options: StorageOptions,
    retention: Option<FixedRetention>,
}

/// The retention that a profile sets, which begins with the upload, and again with the confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedRetention {
    /// The mode of the retention.
    pub mode: RetentionMode,
    /// The duration of the retention in days.
    pub days: u32,
}

impl FixedRetention {
    /// The maximum duration: a hundred years.
    pub const MAX_DAYS: u32 = 36_500;
}

impl FixedOptions {
    /// Validates the options of a profile, which has these checks already.
    ///
    /// # Errors
    /// Returns the options that break a rule.
    pub fn new(
        options: &RequestedOptions,
        retention: Option<FixedRetention>,
        profile: &Profile,
    ) -> Result<Self, Vec<Violation>> {
        let mut broken = Violations::default();
        let options = options.parse(profile, SystemTime::UNIX_EPOCH, &mut broken);
        if retention.is_some_and(|retention| !(1..=FixedRetention::MAX_DAYS).contains(&retention.days)) {
            let rule = format!("must be 1 to {}", FixedRetention::MAX_DAYS);
            broken.take::<()>(Err(Violation::new("retention.days", rule)));
        }
        if !options.tags_fit() {
            broken.take::<()>(Err(Violation::new("tags", tags_rule())));
        }
        if broken.as_slice().is_empty() {
            Ok(Self { options, retention })
        } else {
            Err(broken.into_vec())
        }
    }

    /// Returns the tags that the profile sets.
    pub(crate) fn tags(&self) -> &BTreeMap<String, String> {
        &self.options.tags
    }

    /// Adds all options of the profile to those of an upload.
    pub(crate) fn apply_to_upload(&self, options: &mut StorageOptions, now: SystemTime) {
        self.apply_without_tags(options, now);
        options.tags.extend(self.options.tags.clone());
    }

    /// Adds the options of the profile to those of a confirm. Tags replace those of the upload, and so are left out here.
    pub(crate) fn apply_without_tags(&self, options: &mut StorageOptions, now: SystemTime) {
        let tags = std::mem::take(&mut options.tags);
        options.extend(&self.options);
        options.tags = tags;
        if let Some(FixedRetention { mode, days }) = self.retention {
            let until = now + Duration::from_secs(u64::from(days) * DAY);
            options.retention = Some(Retention { mode, until });
        }
    }

    /// Adds the tags of the profile to tags that replace all others.
    pub(crate) fn complete_tags(&self, options: &mut StorageOptions) {
        if !options.tags.is_empty() {
            options.tags.extend(self.options.tags.clone());
        }
    }

    /// Records the options of a request that contradict the profile.
    pub(crate) fn check(&self, requested: &StorageOptions, profile: &str, broken: &mut Violations) {
        let mut contradicts = |field: String, value: &str| {
            let rule = format!("must be left out, or be '{value}', which {profile} sets");
            broken.take::<()>(Err(Violation::new(field, rule)));
        };
        for (key, value) in &self.options.tags {
            if requested.tags.get(key).is_some_and(|tag| tag != value) {
                contradicts(format!("tags.{key}"), value);
            }
        }
        if let (Some(fixed), Some(class)) = (&self.options.storage_class, &requested.storage_class)
            && fixed != class
        {
            contradicts("storage_class".to_owned(), fixed);
        }
        if let (Some(fixed), Some(held)) = (self.options.legal_hold, requested.legal_hold)
            && fixed != held
        {
            contradicts("legal_hold".to_owned(), &fixed.to_string());
        }
        if let (Some(fixed), Some(encryption)) = (&self.options.encryption, &requested.encryption)
            && fixed != encryption
        {
            contradicts("encryption".to_owned(), fixed.as_str());
        }
        if self.retention.is_some() && requested.retention.is_some() {
            let rule = format!("must be left out: {profile} sets it");
            broken.take::<()>(Err(Violation::new("retention", rule)));
        }
    }
}
