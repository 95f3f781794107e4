//! The conditions sent with calls: all, but for those that a probe found refused.

use std::sync::atomic::{AtomicU16, Ordering};

use draftstore_storage::{Capabilities, Condition, Support};

/// A bit for each condition that the store refuses. Before a probe there are none.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    refused: AtomicU16,
}

impl Conditions {
    /// Takes over the result of a probe.
    pub(crate) fn remember(&self, found: &Capabilities) {
        let refused = Condition::ALL
            .into_iter()
            .filter(|condition| found.of(*condition) == Support::Refused)
            .fold(0, |bits, condition| bits | bit(condition));
        self.refused.store(refused, Ordering::Relaxed);
    }

    /// Returns the value to send, or `None` where the store would refuse the call for the condition.
    pub(crate) fn sent<T>(&self, condition: Condition, value: T) -> Option<T> {
        let refused = self.refused.load(Ordering::Relaxed) & bit(condition) != 0;
        (!refused).then_some(value)
    }
}

fn bit(condition: Condition) -> u16 {
    1 << condition as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_sent_and_all_else_is() {
        let conditions = Conditions::default();
        for condition in Condition::ALL {
            assert_eq!(conditions.sent(condition, "*"), Some("*"), "before a probe");
        }
        for refused in Condition::ALL {
            conditions.remember(&Capabilities::NONE.with(refused, Support::Refused));
            for condition in Condition::ALL {
                assert_eq!(conditions.sent(condition, "*").is_none(), condition == refused);
            }
        }
        conditions.remember(&Capabilities::ALL);
        assert_eq!(conditions.sent(Condition::DeleteMany, "*"), Some("*"));
    }
}
