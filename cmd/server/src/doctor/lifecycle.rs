//! The check of the draft bucket's lifecycle rules, a safety net in case no sweep runs.

use std::time::Duration;

use draftstore_service::{Amount, Policy};
use draftstore_storage::{ErrorKind, Lifecycle};

use super::report::Line;
use super::said;
use super::subject::Subject;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Checks the rules, which `--fix` has just tried to set if `is_fixed`.
pub(super) async fn check(subject: &Subject, policy: &Policy, is_fixed: bool) -> Vec<Line> {
    vec![match subject.storage.get_lifecycle(&subject.buckets.draft).await {
        Ok(lifecycle) => line(lifecycle, wanted(policy), is_fixed),
        Err(error) if error.kind == ErrorKind::Unsupported => Line::info("draft bucket", NOT_SUPPORTED),
        Err(error) => Line::info("draft bucket", format!("cannot be read: {}", said(&error))),
    }]
}

/// The message for a store without lifecycle rules.
pub(super) const NOT_SUPPORTED: &str = "not supported by this store: only the sweep removes expired drafts";

/// Returns the rules to set. They act a day after a sweep would, so that a rule never removes anything that a sweep keeps.
///
/// A named draft that was uploaded in parts may have the date at which its upload began, and so exist for twice its lifetime.
/// Rules count from that date.
pub(super) fn wanted(policy: &Policy) -> Lifecycle {
    let kept = policy.object_lifetime().saturating_add(policy.sweep_grace());
    Lifecycle {
        expire_after_days: Some(days(kept.saturating_mul(2)) + 1),
        abort_uploads_after_days: Some(days(kept) + 1),
    }
}

fn days(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs().div_ceil(DAY.as_secs())).unwrap_or(u32::MAX - 1)
}

fn line(found: Lifecycle, wanted: Lifecycle, is_fixed: bool) -> Line {
    let check = "draft bucket";
    let early = |found: Option<u32>, wanted: Option<u32>| found.filter(|days| days + 1 < wanted.unwrap_or(0));
    if let Some(days) = early(found.expire_after_days, wanted.expire_after_days) {
        let meaning = format!(
            "the store removes objects after {}, but drafts may live longer",
            Amount::days(days)
        );
        return Line::weak(check, meaning, remedy(wanted));
    }
    if let Some(days) = early(found.abort_uploads_after_days, wanted.abort_uploads_after_days) {
        let meaning = format!(
            "the store aborts uploads after {}, but they may take longer",
            Amount::days(days)
        );
        return Line::weak(check, meaning, remedy(wanted));
    }
    if let (Some(objects), Some(uploads)) = (found.expire_after_days, found.abort_uploads_after_days) {
        let meaning = format!(
            "the store removes objects after {} and uploads after {uploads}",
            Amount::days(objects)
        );
        return Line::ok(check, meaning);
    }
    if is_fixed {
        return Line::info(check, NOT_SUPPORTED);
    }
    let meaning = "the store does not remove both expired objects and uploads: without a sweep they remain";
    Line::info(check, meaning)
        .with_remedy("set lifecycle rules with `draftstore-server doctor --fix`, if the store supports them")
}

fn remedy(wanted: Lifecycle) -> String {
    let Lifecycle {
        expire_after_days,
        abort_uploads_after_days,
    } = wanted;
    let [objects, uploads] = [expire_after_days, abort_uploads_after_days].map(Option::unwrap_or_default);
    format!(
        "set the lifecycle rules to {} for objects and {uploads} for uploads",
        Amount::days(objects)
    )
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    fn policy(lifetime: Duration, grace: Duration) -> Policy {
        let hour = Duration::from_secs(3600);
        Policy::new(hour, hour, lifetime, grace).expect("a policy")
    }

    #[test]
    fn lifecycle_rules_act_after_the_sweep() {
        let wanted = wanted(&policy(DAY, Duration::from_secs(900)));
        assert_eq!(
            (wanted.expire_after_days, wanted.abort_uploads_after_days),
            (Some(4), Some(3))
        );
    }

    #[test]
    fn rule_that_removes_live_drafts_is_a_problem_and_no_rule_is_not() {
        let wanted = wanted(&policy(DAY, Duration::ZERO));
        for (objects, uploads, outcome) in [
            (None, None, Outcome::Info),
            (None, Some(2), Outcome::Info),
            (Some(3), Some(2), Outcome::Ok),
            (Some(2), Some(1), Outcome::Ok),
            (Some(1), Some(2), Outcome::Weak),
            (Some(3), Some(0), Outcome::Weak),
        ] {
            let found = Lifecycle {
                expire_after_days: objects,
                abort_uploads_after_days: uploads,
            };
            assert_eq!(line(found, wanted, false).outcome, outcome, "{found:?}");
        }
    }

    #[test]
    fn fix_is_suggested_until_it_was_tried() {
        let wanted = wanted(&policy(DAY, Duration::ZERO));
        let none = Lifecycle {
            expire_after_days: None,
            abort_uploads_after_days: None,
        };
        let text = |is_fixed| {
            let mut report = super::super::report::Report::default();
            report.add("lifecycle", vec![line(none, wanted, is_fixed)]);
            report.to_string()
        };
        assert!(text(false).contains("--fix"));
        assert!(!text(true).contains("--fix") && text(true).contains(NOT_SUPPORTED));
    }
}
