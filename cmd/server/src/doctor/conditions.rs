//! The check of the conditions that the store enforces, with the server's own probe.

use draftstore_service::safety::servers;
use draftstore_service::{Weakness, weaknesses};
use draftstore_storage::{Capabilities, Condition, Support};

use super::report::Line;
use super::said;
use super::subject::Subject;

pub(super) async fn check(subject: &Subject) -> Vec<Line> {
    let probed = subject
        .storage
        .probe(&subject.buckets.draft, &subject.key("probe"))
        .await;
    match probed {
        Ok(capabilities) => lines(&capabilities),
        Err(error) => vec![Line::failed(
            "every condition",
            format!("probe failed, so the server relies on none: {}", said(&error)),
            "allow GetObject, PutObject, DeleteObject and AbortMultipartUpload on the draft bucket for these credentials",
        )],
    }
}

fn lines(capabilities: &Capabilities) -> Vec<Line> {
    let weaknesses = weaknesses(capabilities);
    let line = |condition: Condition| {
        let weakness = weaknesses.iter().find(|weakness| weakness.condition == condition);
        line(condition, capabilities.of(condition), weakness)
    };
    Condition::ALL.into_iter().map(line).collect()
}

fn line(condition: Condition, support: Support, weakness: Option<&Weakness>) -> Line {
    let found = match support {
        Support::Honoured => "honoured",
        Support::NotAtomic => "not atomic",
        Support::Ignored => "ignored",
        Support::Refused => "refused",
        Support::Failed => "does not work",
    };
    match weakness {
        Some(weakness) => {
            let (effect, calls, servers) = (weakness.effect, weakness.calls, servers(weakness.replicas));
            let meaning = format!("{found}: {effect} ({calls}; {servers})");
            if support == Support::Failed {
                Line::failed(condition.to_string(), meaning, weakness.remedy)
            } else {
                Line::weak(condition.to_string(), meaning, weakness.remedy)
            }
        }
        None if support == Support::Honoured => Line::ok(condition.to_string(), found),
        None => Line::ok(
            condition.to_string(),
            format!("{found}, but the server compensates for it at some cost"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn every_condition_has_a_line() {
        let outcomes = |capabilities| lines(&capabilities).iter().map(|line| line.outcome).collect::<Vec<_>>();
        assert_eq!(outcomes(Capabilities::ALL), [Outcome::Ok; Condition::ALL.len()]);
        let weak = |outcomes: Vec<Outcome>| outcomes.iter().filter(|outcome| **outcome == Outcome::Weak).count();
        assert_eq!(weak(outcomes(Capabilities::NONE)), Condition::ALL.len() - 4);
        for replaceable in [
            Condition::CopySource,
            Condition::PartSource,
            Condition::DeleteMany,
            Condition::CopyMd5,
            Condition::ListParts,
        ] {
            let slower = Capabilities::ALL.with(replaceable, Support::Ignored);
            assert_eq!(outcomes(slower), [Outcome::Ok; Condition::ALL.len()]);
        }
    }
}
