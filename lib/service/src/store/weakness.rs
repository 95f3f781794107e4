//! The consequences of conditions that a store does not honour: one list for logs, readiness and doctor.

use draftstore_storage::{Capabilities, Condition, Support};

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
    if capabilities.of(condition) == Support::Failed {
        return failure(condition, capabilities);
    }
    let (calls, effect, replicas, remedy) = match condition {
        Condition::UploadOnce => (
            "GetUploadURL with unique",
            "a unique draft can be uploaded again while its URL is valid",
            Replicas::Any,
            "pin the ETag or the checksum when confirming",
        ),
        // Copies are then staged, and the draft is checked again before they become visible: more calls, same guarantees.
        // The MD5 of a copy is a second proof, beside the condition on the source or another look. Lists of parts have no
        // condition.
        Condition::CopySource | Condition::PartSource | Condition::CopyMd5 | Condition::ListParts => return None,
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
        Condition::PartSourceKey => (
            if capabilities.honours(Condition::CopySource) {
                "ConfirmUpload of more than 5 GiB"
            } else {
                "GetUploadURL and ConfirmUpload"
            },
            "a draft whose name has a percent sign is refused, because the store would copy another one",
            Replicas::Any,
            "use names without a percent sign",
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

/// Returns the consequence of a call that does not work, or `None` if other calls replace it, or share the consequence.
fn failure(condition: Condition, capabilities: &Capabilities) -> Option<Weakness> {
    let is_confirmed_in_parts = capabilities.can_confirm_in_parts();
    let (calls, effect) = match condition {
        // It is refused or accepted, and nothing else depends on it.
        Condition::UploadOnce => ("GetUploadURL", "uploads fail"),
        Condition::CopySource if is_confirmed_in_parts => return None,
        Condition::CopySource => ("ConfirmUpload", "no draft can be confirmed"),
        Condition::PartSource | Condition::CompleteToAbsent
            if capabilities.works(Condition::CopySource) && !capabilities.can_confirm() =>
        {
            ("ConfirmUpload", "no draft can be confirmed")
        }
        Condition::PartSource => ("ConfirmUpload of more than 5 GiB", "such drafts cannot be confirmed"),
        Condition::CompleteToAbsent => (
            "CompleteUpload, and ConfirmUpload of more than 5 GiB",
            "such uploads cannot be completed, and such drafts not be confirmed",
        ),
        Condition::ListParts => ("ListParts and CompleteUpload", "uploads in parts cannot be completed"),
        Condition::Delete => (
            "ConfirmUpload, DiscardDraft and the sweep",
            "drafts stay in the draft bucket for ever",
        ),
        Condition::DeleteMany if capabilities.honours(Condition::Delete) => return None,
        Condition::DeleteMany => (
            "the sweep of named drafts",
            "a draft that is uploaded again while its expired predecessor is swept is lost",
        ),
        Condition::CopyToAbsent
        | Condition::CopyOver
        | Condition::CompleteOver
        | Condition::PartSourceKey
        | Condition::CopyMd5 => {
            return None;
        }
    };
    Some(Weakness {
        condition,
        calls,
        effect,
        replicas: Replicas::Any,
        remedy: "use another store, or a version of it on which the call works",
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
        let made_up_for = [
            Condition::CopySource,
            Condition::PartSource,
            Condition::DeleteMany,
            Condition::CopyMd5,
            Condition::ListParts,
        ];
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
        assert_eq!(weaknesses(&Capabilities::NONE).len(), Condition::ALL.len() - 4);
    }

    #[test]
    fn call_that_does_not_work_is_a_weakness_unless_others_replace_it() {
        let said = |failed: &[Condition]| {
            let fail = |found: Capabilities, condition: &Condition| found.with(*condition, Support::Failed);
            let weaknesses = weaknesses(&failed.iter().fold(Capabilities::ALL, fail));
            weaknesses
                .iter()
                .map(|weakness| (weakness.condition, weakness.calls))
                .collect::<Vec<_>>()
        };
        let copies = [Condition::CopySource, Condition::CopyToAbsent, Condition::CopyOver];
        let parts = [Condition::PartSource, Condition::PartSourceKey];
        assert_eq!(said(&copies), [], "parts replace them");
        assert_eq!(
            said(&parts),
            [(Condition::PartSource, "ConfirmUpload of more than 5 GiB")]
        );
        assert_eq!(said(&[Condition::DeleteMany]), [], "single deletes replace it");
        assert_eq!(
            said(&[Condition::ListParts]),
            [(Condition::ListParts, "ListParts and CompleteUpload")]
        );
        let both = [&copies[..], &parts].concat();
        assert!(said(&both).contains(&(Condition::CopySource, "ConfirmUpload")));
        let fail = |found: Capabilities, condition: &Condition| found.with(*condition, Support::Failed);
        assert!(!both.iter().fold(Capabilities::ALL, fail).can_confirm());
    }
}
