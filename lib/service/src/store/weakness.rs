//! The consequences of conditions that a store does not honour: one list for logs, readiness and doctor.

use draftstore_storage::{Capabilities, Condition};

/// A guarantee that is weaker because the store does not honour a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weakness {
    /// The condition that the store does not honour.
    pub condition: Condition,
    /// The calls that are affected.
    pub calls: &'static str,
    /// The possible consequence, as a clause.
    pub effect: &'static str,
    /// The number of servers from which on it can occur.
    pub replicas: Replicas,
    /// The advice on how to avoid it.
    pub remedy: &'static str,
}

/// The number of servers from which on a weakness can occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replicas {
    /// A single server is affected.
    Any,
    /// Only two or more servers are affected. Within one server, a lock per key replaces the condition.
    Several,
}

/// Returns the weaknesses of a store, one for each required condition that it does not honour.
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
        // Copies are then staged, and the draft is checked again before they become visible. More calls, same
        // guarantees.
        Condition::CopySource | Condition::PartSource => return None,
        Condition::CopyToAbsent => (
            "ConfirmUpload without overwrite",
            "of two drafts that are confirmed under one name concurrently, the later may replace the earlier",
            Replicas::Several,
            "run one server, or give every draft a destination_name of its own",
        ),
        Condition::CopyOver => (
            "ConfirmUpload with overwrite",
            "an object in main may be replaced although it has changed concurrently",
            Replicas::Several,
            "run one server, or do not overwrite",
        ),
        Condition::CompleteToAbsent => (
            "ConfirmUpload of more than 5 GiB, without overwrite",
            "of two drafts that are confirmed under one name concurrently, the later may replace the earlier",
            Replicas::Several,
            "run one server, or give every draft a destination_name of its own",
        ),
        Condition::CompleteOver => (
            "ConfirmUpload of more than 5 GiB, with overwrite",
            "an object in main may be replaced although it has changed concurrently",
            Replicas::Several,
            "run one server, or do not overwrite",
        ),
        Condition::Delete => (
            "ConfirmUpload and DiscardDraft of named drafts, the sweep of named drafts, atomic batches",
            "a draft that is uploaded again between check and delete is lost; a rollback may delete another caller's object",
            Replicas::Any,
            "use unique drafts, which are not deleted while a URL can still write to them",
        ),
        // The sweep then deletes named drafts one by one, each with its condition. More calls, same guarantees.
        Condition::DeleteMany if capabilities.honours(Condition::Delete) => return None,
        Condition::DeleteMany => (
            "the sweep of named drafts",
            "a draft that is uploaded again while its expired predecessor is swept is lost",
            Replicas::Any,
            "use unique drafts, which no URL can write to after they have expired",
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
    fn store_that_honours_every_condition_has_no_weakness() {
        assert_eq!(weaknesses(&Capabilities::ALL), []);
    }

    #[test]
    fn every_missing_condition_is_a_weakness_unless_calls_replace_it() {
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
