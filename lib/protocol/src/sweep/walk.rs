//! A stretch of keys, read in order, a page at a time; and how the rest of one is divided, to be read side by side.
//!
//! - Shards of unique drafts lie behind one another, and a page may span many or be a small part of one. Where a page ends
//!   in a shard of which it shows a draft that lives, the rest of that shard is passed over: all that lies there expires
//!   later. So the lists that a walk takes are at most one a shard and one for every page of expired drafts, however many
//!   drafts live; and where the shards are small, no more than there are pages.
//! - Of names nothing is known beforehand. When two pages have shown what many neighbours begin with, what comes after all
//!   that begins so is read beside what is left of it. If there is nothing to one of the two, a list was in vain: at most one
//!   for every two pages.

use draftstore_storage::{ListObjects, ListedObject, ObjectPage};

use super::part::{Part, Stretch, is_among_unique, past_shard};
use crate::keys::{LAST_SHARD, RESERVED_PREFIX, shard_prefix};

/// Pages after which the rest of a stretch of names is divided.
const PAGES_BEFORE_DIVISION: u32 = 2;

/// What is left of a stretch of keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Walk {
    /// What to list next.
    pub(super) request: ListObjects,
    /// The last key that may be in it.
    until: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Unique drafts.
    Unique {
        /// Of which shards it has seen nothing yet, or only a part of the first; none where that was divided already.
        undivided: Option<(u8, u8)>,
    },
    /// Everything else.
    Named {
        /// The first key since it was divided, and how many pages have come since.
        since: Option<(String, u32)>,
    },
}

/// What came of a page.
#[derive(Debug)]
pub(super) struct Read {
    /// What is in it of the stretch.
    pub(super) objects: Vec<ListedObject>,
    /// What is left, to be read side by side.
    pub(super) rest: Vec<Walk>,
}

impl Walk {
    /// Of the unique drafts of a part.
    pub(super) fn unique(part: Part) -> Self {
        let Stretch { after, until } = part.unique();
        let request = under_reserved(after);
        let kind = Kind::Unique {
            undivided: Some(part.shards()),
        };
        Self { request, until, kind }
    }

    /// Of everything else in a part.
    pub(super) fn named(part: Part) -> Self {
        let Stretch { after, until } = part.named();
        let request = from(after);
        let kind = Kind::Named { since: None };
        Self { request, until, kind }
    }

    /// Whether nothing of it has been read yet, and it has not been divided: how long it is shows with its first page.
    pub(super) fn is_first(&self) -> bool {
        matches!(self.kind, Kind::Unique { undivided: Some(_) }) && self.request.continuation.is_none()
    }

    /// Takes the page that was asked for. `passes_over` says of which drafts it follows that nothing behind them in their
    /// shard is wanted. What is left is divided among at most so many lanes.
    pub(super) fn read(self, page: ObjectPage, passes_over: impl Fn(&ListedObject) -> bool, lanes: usize) -> Read {
        let ObjectPage { mut objects, next, .. } = page;
        let Some(last) = objects.last().map(|object| object.key.to_string()) else {
            let rest = next.map(|next| self.continued(next)).into_iter().collect();
            return Read { objects, rest };
        };
        let next = next.filter(|_| self.holds(&last));
        let last_passed = objects
            .iter()
            .rfind(|object| passes_over(object))
            .map(|object| object.key.clone());
        let first = objects.first().map(|object| object.key.to_string());
        let is_named = matches!(self.kind, Kind::Named { .. });
        objects.retain(|object| self.holds(object.key.as_str()) && (is_among_unique(object.key.as_str()) != is_named));
        let Some(next) = next else {
            return Read {
                objects,
                rest: Vec::new(),
            };
        };
        let rest = if is_named {
            self.named_rest(first.unwrap_or_default(), &last, next, lanes)
        } else {
            let living_shard = last_passed.and_then(|key| shard_of(key.as_str()));
            self.unique_rest(&last, living_shard, next, lanes)
        };
        Read { objects, rest }
    }

    /// Whether a key that comes after where it has been is in it.
    fn holds(&self, key: &str) -> bool {
        self.until.as_ref().is_none_or(|until| key <= until.as_str())
    }

    fn continued(self, next: String) -> Self {
        let request = ListObjects {
            continuation: Some(next),
            ..self.request
        };
        Self { request, ..self }
    }

    fn unique_rest(self, last: &str, living_shard: Option<u8>, next: String, lanes: usize) -> Vec<Self> {
        let Kind::Unique { undivided } = self.kind else {
            return vec![self.continued(next)];
        };
        let Some(shard) = shard_of(last) else {
            return vec![self.continued(next)];
        };
        let jumps = living_shard == Some(shard);
        let past = past_shard(shard);
        if jumps && self.until.as_ref().is_some_and(|until| *until <= past) {
            return Vec::new();
        }
        let begin = |from: Self| {
            let kind = Kind::Unique { undivided: None };
            let request = if jumps {
                under_reserved(Some(past.clone()))
            } else {
                from.continued(next.clone()).request
            };
            Self {
                request,
                until: self.until.clone(),
                kind,
            }
        };
        let Some((first, end)) = undivided else {
            return vec![begin(self.clone())];
        };
        // As many shards on the next pages as on this.
        let spanned = usize::from(shard.saturating_sub(first)) + 1;
        let from = usize::from(shard) + usize::from(jumps);
        let left = (usize::from(end) + 1).saturating_sub(from);
        let lanes = left.div_ceil(spanned).clamp(1, lanes.max(1)).min(left.max(1));
        let border = |lane: usize| u8::try_from(from + left * lane / lanes).unwrap_or(LAST_SHARD);
        let mut rest = vec![begin(self.clone())];
        for lane in 1..lanes {
            let past_earlier = past_shard(border(lane).saturating_sub(1));
            if let Some(earlier) = rest.last_mut() {
                earlier.until = Some(past_earlier.clone());
            }
            rest.push(Self {
                request: under_reserved(Some(past_earlier)),
                until: self.until.clone(),
                kind: Kind::Unique { undivided: None },
            });
        }
        rest
    }

    fn named_rest(self, first: String, last: &str, next: String, lanes: usize) -> Vec<Self> {
        let Kind::Named { since } = &self.kind else {
            return vec![self.continued(next)];
        };
        if is_among_unique(last) {
            let request = from(Some(past_shard(LAST_SHARD)));
            let kind = Kind::Named { since: None };
            return vec![Self { request, kind, ..self }];
        }
        let (first, pages) = since.clone().map_or((first, 1), |(first, pages)| (first, pages + 1));
        if pages < PAGES_BEFORE_DIVISION {
            let kind = Kind::Named {
                since: Some((first, pages)),
            };
            return vec![Self { kind, ..self }.continued(next)];
        }
        let shared = shared_beginning(&first, last);
        let border = format!("{shared}{}", char::MAX);
        let within = Self {
            kind: Kind::Named { since: None },
            ..self.continued(next)
        };
        let is_ahead = border.as_str() > last && within.holds(&border) && within.until.as_ref() != Some(&border);
        if lanes < 2 || shared.is_empty() || !is_ahead {
            return vec![within];
        }
        let beyond = Self {
            request: from(Some(border.clone())),
            ..within.clone()
        };
        let until = Some(border);
        vec![Self { until, ..within }, beyond]
    }
}

fn under_reserved(after: Option<String>) -> ListObjects {
    ListObjects {
        prefix: Some(RESERVED_PREFIX.to_owned()),
        ..from(after)
    }
}

fn from(after: Option<String>) -> ListObjects {
    ListObjects {
        start_after: after,
        ..ListObjects::default()
    }
}

/// The shard that a key is in, and not behind the end of.
fn shard_of(key: &str) -> Option<u8> {
    let digits = key.strip_prefix(RESERVED_PREFIX)?.get(..2)?;
    let shard = u8::from_str_radix(digits, 16).ok()?;
    let is_within = key.starts_with(&shard_prefix(shard)) && key <= past_shard(shard).as_str();
    is_within.then_some(shard)
}

fn shared_beginning(one: &str, other: &str) -> String {
    let pairs = one.chars().zip(other.chars());
    pairs
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter)
        .collect()
}
