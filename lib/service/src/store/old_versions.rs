//! The time for which the store keeps the older versions of objects in main, by its lifecycle rules.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_storage::{ErrorKind, NoncurrentRule, ObjectKey};
use tokio::sync::Mutex;

use super::Store;

/// The time after which the rules are read again.
const RULES_AGE: Duration = Duration::from_secs(300);

/// The time until which the store keeps a version that is no longer the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptUntil {
    /// At least this time. A lifecycle rule removes the version later.
    Time(SystemTime),
    /// No lifecycle rule removes the version.
    Deleted,
    /// The server cannot read the lifecycle rules.
    Unknown,
}

/// The rules as they were read last.
#[derive(Debug, Clone, Default)]
pub(super) struct OldVersions(Arc<Mutex<Option<Reading>>>);

#[derive(Debug)]
struct Reading {
    at: SystemTime,
    /// `None` if the server cannot read them.
    rules: Option<Vec<NoncurrentRule>>,
}

impl Store {
    /// Returns the time until which the store keeps a version that ceases to be the current one now. Reads the rules of main,
    /// unless that was done in the last five minutes.
    pub(crate) async fn keeps_version_until(&self, key: &ObjectKey, now: SystemTime) -> KeptUntil {
        let OldVersions(cache) = &self.facts.old_versions;
        let mut cache = cache.lock().await;
        let is_fresh = |reading: &Reading| reading.at <= now && now < reading.at + RULES_AGE;
        if !cache.as_ref().is_some_and(is_fresh) {
            let rules = match self.administration().noncurrent_rules(&self.buckets.main).await {
                Ok(rules) => Some(rules),
                Err(error) => {
                    if error.kind != ErrorKind::Unsupported {
                        tracing::warn!(error = &error as &dyn std::error::Error, "lifecycle rules not read");
                    }
                    None
                }
            };
            *cache = Some(Reading { at: now, rules });
        }
        match cache.as_ref().and_then(|reading| reading.rules.as_ref()) {
            Some(rules) => until(rules, key, now),
            None => KeptUntil::Unknown,
        }
    }
}

fn until(rules: &[NoncurrentRule], key: &ObjectKey, now: SystemTime) -> KeptUntil {
    let of_key = rules.iter().filter(|rule| key.as_str().starts_with(&rule.prefix));
    let days = of_key.map(|rule| rule.days).min();
    days.map_or(KeptUntil::Deleted, |days| {
        KeptUntil::Time(now + Duration::from_secs(u64::from(days) * 24 * 60 * 60))
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn shortest_rule_of_the_key_counts() {
        let rule = |prefix: &str, days| NoncurrentRule {
            prefix: prefix.to_owned(),
            days,
        };
        let rules = [rule("logs/", 1), rule("logs/old/", 2), rule("a", 0)];
        let day = |days: u64| KeptUntil::Time(UNIX_EPOCH + Duration::from_secs(days * 86_400));
        for (key, expected) in [
            ("logs/x", day(1)),
            ("logs/old/x", day(1)),
            ("a", day(0)),
            ("other", KeptUntil::Deleted),
        ] {
            let key = ObjectKey::new(key).expect("a key");
            assert_eq!(until(&rules, &key, UNIX_EPOCH), expected, "{key}");
        }
    }
}
