//! The check of the lifecycle rules that move objects to other storage classes.

use draftstore_service::Amount;
use draftstore_storage::{BucketName, ErrorKind, Transition};

use super::report::Line;
use super::said;
use super::subject::Subject;

/// Checks the rules of each bucket that has transitions in `TRANSITIONS`, or in the store.
pub(super) async fn check(subject: &Subject) -> Vec<Line> {
    let mut lines = Vec::new();
    for bucket in subject.buckets.confirmed() {
        let wanted = subject.buckets.transitions_of(bucket);
        lines.extend(match subject.storage.transitions(bucket).await {
            Ok(found) => line(bucket.name(), wanted, &found),
            Err(_) if wanted.is_empty() => None,
            Err(error) if error.kind == ErrorKind::Unsupported => line(bucket.name(), wanted, &[]),
            Err(error) => Some(Line::info(
                label(bucket.name()),
                format!("cannot be read: {}", said(&error)),
            )),
        });
    }
    lines
}

fn line(bucket: &BucketName, wanted: &[Transition], found: &[Transition]) -> Option<Line> {
    let lacking: Vec<_> = wanted.iter().filter(|one| !found.contains(one)).collect();
    if !lacking.is_empty() {
        let meaning = format!(
            "the store has no rule for {}: the sweep copies the objects",
            listed(&lacking)
        );
        let remedy = "set lifecycle rules with `draftstore-server doctor --fix`, if the store supports them";
        return Some(Line::info(label(bucket), meaning).with_remedy(remedy));
    }
    let others: Vec<_> = found.iter().filter(|one| !wanted.contains(one)).collect();
    if !others.is_empty() {
        let meaning = format!("the store has rules that TRANSITIONS lacks: {}", listed(&others));
        return Some(Line::info(label(bucket), meaning));
    }
    (!wanted.is_empty()).then(|| {
        let meaning = format!(
            "the store moves objects: {}",
            listed(&wanted.iter().collect::<Vec<_>>())
        );
        Line::ok(label(bucket), meaning)
    })
}

fn label(bucket: &BucketName) -> String {
    format!("transitions of {bucket}")
}

fn listed(transitions: &[&Transition]) -> String {
    let each = transitions.iter().map(|transition| {
        let Transition {
            prefix,
            days,
            storage_class,
        } = transition;
        let under = if prefix.is_empty() {
            String::new()
        } else {
            format!(" under {prefix}")
        };
        format!("{storage_class} after {}{under}", Amount::days(*days))
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::report::{Outcome, Report};
    use super::*;

    fn said_of(wanted: &[(u32, &str)], found: &[(u32, &str)]) -> Option<(Outcome, String)> {
        let transitions = |rows: &[(u32, &str)]| -> Vec<_> {
            let transition = |(days, class): &(u32, &str)| Transition {
                prefix: "logs/".to_owned(),
                days: *days,
                storage_class: (*class).to_owned(),
            };
            rows.iter().map(transition).collect()
        };
        let bucket = "main".parse().expect("a name");
        let line = line(&bucket, &transitions(wanted), &transitions(found))?;
        let outcome = line.outcome;
        let mut report = Report::default();
        report.add("lifecycle", vec![line]);
        Some((outcome, report.to_string()))
    }

    #[test]
    fn rules_that_lack_are_said_and_those_of_others_too() {
        assert_eq!(said_of(&[], &[]), None);
        let (outcome, text) = said_of(&[(30, "STANDARD_IA")], &[(30, "STANDARD_IA")]).expect("a line");
        assert!(
            outcome == Outcome::Ok && text.contains("STANDARD_IA after 30 days under logs/"),
            "{text}"
        );
        let (outcome, text) = said_of(&[(30, "STANDARD_IA")], &[(31, "STANDARD_IA")]).expect("a line");
        assert!(
            outcome == Outcome::Info && text.contains("no rule") && text.contains("--fix"),
            "{text}"
        );
        let (outcome, text) = said_of(&[], &[(1, "GLACIER")]).expect("a line");
        assert!(
            outcome == Outcome::Info && text.contains("TRANSITIONS lacks: GLACIER after 1 day"),
            "{text}"
        );
    }
}
