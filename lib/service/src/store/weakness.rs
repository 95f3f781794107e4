//! What it means when a store does not honour a condition: the one list for logs, readiness and doctor.

use draftstore_storage::{Capabilities, Condition};

/// Something that is not kept as it should be, because the store lacks a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weakness {
    /// The condition that the store does not honour.
    pub condition: Condition,
    /// The calls that it concerns.
    pub calls: &'static str,
    /// What may happen.
    pub effect: &'static str,
    /// With how many servers it may happen.
    pub replicas: Replicas,
    /// What helps.
    pub remedy: &'static str,
}

/// With how many servers a weakness shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replicas {
    /// With one already.
    Any,
    /// With two or more: within one server, a lock for each name makes up for it.
    Several,
}

/// What the lacks of a store weaken, one for each condition that it does not honour and that is needed.
pub fn weaknesses(capabilities: &Capabilities) -> Vec<Weakness> {
    let lacking = Condition::ALL
        .into_iter()
        .filter(|condition| !capabilities.honours(*condition));
    lacking
        .filter_map(|condition| weakness(condition, capabilities))
        .collect()
}

fn weakness(condition: Condition, capabilities: &Capabilities) -> Option<Weakness> {
    let (calls, effect, replicas, remedy) = match condition {
        Condition::UploadOnce => (
            "GetUploadURL with unique",
            "a unique draft can be uploaded again while its URL is valid",
            Replicas::Any,
            "pin the ETag or the checksum when confirming",
        ),
        // Copies are then staged, and the draft looked at again before anybody sees them: dearer, not weaker.
        Condition::CopySource | Condition::PartSource => return None,
        Condition::CopyToAbsent => (
            "ConfirmUpload without overwrite",
            "of two drafts confirmed under one name at the same moment, the later may replace the earlier",
            Replicas::Several,
            "run one server, or give every draft a destination_name of its own",
        ),
        Condition::CopyOver => (
            "ConfirmUpload with overwrite",
            "what main holds may be replaced though it changed at the same moment",
            Replicas::Several,
            "run one server, or do not overwrite",
        ),
        Condition::CompleteToAbsent => (
            "ConfirmUpload of more than 5 GiB, without overwrite",
            "of two drafts confirmed under one name at the same moment, the later may replace the earlier",
            Replicas::Several,
            "run one server, or give every draft a destination_name of its own",
        ),
        Condition::CompleteOver => (
            "ConfirmUpload of more than 5 GiB, with overwrite",
            "what main holds may be replaced though it changed at the same moment",
            Replicas::Several,
            "run one server, or do not overwrite",
        ),
        Condition::Delete => (
            "ConfirmUpload and DiscardDraft of named drafts, the sweep of named drafts, atomic batches",
            "a draft uploaded again between the check and the delete is lost; a rolled-back batch may take another's object along",
            Replicas::Any,
            "use unique drafts, which are left to the sweep until no URL can write to them",
        ),
        // The sweep then deletes named drafts one by one, each under its condition: dearer, not weaker.
        Condition::DeleteMany if capabilities.honours(Condition::Delete) => return None,
        Condition::DeleteMany => (
            "the sweep of named drafts",
            "a draft uploaded again in the moment in which its expired predecessor is swept is lost",
            Replicas::Any,
            "use unique drafts, which no URL can write to any more when they have expired",
        ),
    };
    Some(Weakness {
        condition,
        calls,
        effect,
        replicas,
        remedy,
    })
}

#[cfg(test)]
mod tests {
    use draftstore_storage::Support;

    use super::*;

    #[test]
    fn store_that_honours_everything_weakens_nothing() {
        assert_eq!(weaknesses(&Capabilities::ALL), []);
    }

    #[test]
    fn every_lack_is_said_but_those_that_are_made_up_for() {
        let made_up_for = [Condition::CopySource, Condition::PartSource, Condition::DeleteMany];
        for condition in Condition::ALL {
            let lacking = Capabilities::ALL.with(condition, Support::Ignored);
            let said: Vec<_> = weaknesses(&lacking).iter().map(|weakness| weakness.condition).collect();
            let expected = if made_up_for.contains(&condition) {
                vec![]
            } else {
                vec![condition]
            };
            assert_eq!(said, expected);
        }
        assert_eq!(weaknesses(&Capabilities::NONE).len(), Condition::ALL.len() - 2);
    }
}
