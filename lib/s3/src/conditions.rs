//! The conditions that are sent with calls: all but those that the store refuses, by the probe.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use draftstore_storage::{Capabilities, Condition, ETag, Support};

/// The results of a probe, as a bit for each condition. Before a probe there are none.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    /// The conditions that the store refuses, and those of calls that do not work.
    refused: AtomicU16,
    /// The conditions that cannot be relied on.
    unreliable: AtomicU16,
    /// The conditions of calls that do not work.
    failed: AtomicU16,
    /// Set if a list of parts lacks the checksums that they were uploaded with.
    lists_no_checksums: AtomicBool,
}

impl Conditions {
    /// Sets the result of a probe.
    pub(crate) fn remember(&self, found: &Capabilities) {
        let bits = |is: fn(Support) -> bool| {
            let all = Condition::ALL.into_iter();
            all.filter(|condition| is(found.of(*condition)))
                .fold(0, |bits, condition| bits | bit(condition))
        };
        let refused = bits(|support| matches!(support, Support::Refused | Support::Failed));
        self.refused.store(refused, Ordering::Relaxed);
        self.unreliable
            .store(bits(|support| support != Support::Honoured), Ordering::Relaxed);
        self.failed
            .store(bits(|support| support == Support::Failed), Ordering::Relaxed);
    }

    /// Sets the result of a probe: a list of parts contains their checksums, or not.
    pub(crate) fn remember_listed_checksums(&self, listed: bool) {
        self.lists_no_checksums.store(!listed, Ordering::Relaxed);
    }

    /// Returns `true` unless a probe found that lists of parts lack their checksums.
    pub(crate) fn lists_checksums(&self) -> bool {
        !self.lists_no_checksums.load(Ordering::Relaxed)
    }

    /// Returns the value to send, or `None` where the store would refuse the call for the condition.
    pub(crate) fn sent<T>(&self, condition: Condition, value: T) -> Option<T> {
        (!has(&self.refused, condition)).then_some(value)
    }

    /// Returns the `ETag` of a source to send. A store that does not honour the condition may refuse its own `ETag` of an
    /// object that was uploaded in parts.
    pub(crate) fn sent_source(&self, condition: Condition, etag: &ETag) -> Option<String> {
        let of_parts = etag.as_str().contains('-');
        if of_parts && has(&self.unreliable, condition) {
            return None;
        }
        self.sent(condition, etag.quoted())
    }

    /// Returns `true` unless a probe found that the store does not honour the condition.
    pub(crate) fn may_rely_on(&self, condition: Condition) -> bool {
        !has(&self.unreliable, condition)
    }

    /// Returns `true` if a probe found that the call of the condition does not work.
    pub(crate) fn has_failed(&self, condition: Condition) -> bool {
        has(&self.failed, condition)
    }
}

fn has(bits: &AtomicU16, condition: Condition) -> bool {
    bits.load(Ordering::Relaxed) & bit(condition) != 0
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
            for support in [Support::Refused, Support::Failed] {
                conditions.remember(&Capabilities::NONE.with(refused, support));
                for condition in Condition::ALL {
                    assert_eq!(conditions.sent(condition, "*").is_none(), condition == refused);
                }
                assert_eq!(conditions.has_failed(refused), support == Support::Failed);
            }
        }
        conditions.remember(&Capabilities::ALL);
        assert_eq!(conditions.sent(Condition::DeleteMany, "*"), Some("*"));
    }

    #[test]
    fn etag_of_parts_goes_only_where_the_condition_is_honoured() {
        let conditions = Conditions::default();
        let etag = |text: &str| text.parse::<ETag>().expect("an ETag");
        let (plain, of_parts) = (etag("0af3"), etag("0af3-2"));
        conditions.remember(&Capabilities::NONE);
        assert!(conditions.sent_source(Condition::CopySource, &plain).is_some());
        assert!(conditions.sent_source(Condition::CopySource, &of_parts).is_none());
        conditions.remember(&Capabilities::ALL);
        assert!(conditions.sent_source(Condition::CopySource, &of_parts).is_some());
    }
}
