//! A walk through a range of keys, in order and page by page, and the division of the rest into concurrent walks.
//!
//! - Shards of unique drafts follow one another. A page may span many shards, or be a small part of one. If a page ends
//!   in a shard of which it shows a live draft, the rest of that shard is skipped, because everything in it expires
//!   later. So a walk takes at most one list per shard and one per page of expired drafts, however many drafts are
//!   alive. If the shards are small, it takes no more lists than there are pages.
//!
//! - The shards of the feed are among the other keys. The rest of such a shard is skipped by the same rule.
//!
//! - Nothing is known about names beforehand. After two pages, their common beginning is known. The keys after all keys
//!   with that beginning are then read concurrently with the rest. If one of the two ranges is empty, a list was
//!   wasted: at most one for every two pages.

use draftstore_storage::{ListObjects, ListedObject, ObjectPage};

use super::slice::{KeyRange, Slice, is_among_unique, past_shard};
use crate::events::FeedEntry;
use crate::keys::{LAST_SHARD, RESERVED_PREFIX, shard_prefix};

/// The number of pages after which the rest of a range of names is divided.
const PAGES_BEFORE_DIVISION: u32 = 2;

/// The unread rest of a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Walk {
    /// The next list request.
    pub(super) request: ListObjects,
    /// The last key that may belong to the range.
    until: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// A range of unique drafts.
    Unique {
        /// The shards that were not read yet, or only a part of the first. `None` after the walk was divided.
        undivided: Option<(u8, u8)>,
    },
    /// A range of all other keys.
    Named {
        /// The first key since the last division, and the number of pages since then.
        since: Option<(String, u32)>,
    },
}

/// The result of a page.
#[derive(Debug)]
pub(super) struct Read {
    /// The objects of the page that belong to the range.
    pub(super) objects: Vec<ListedObject>,
    /// The walks through the rest, which can run concurrently.
    pub(super) rest: Vec<Walk>,
}

impl Walk {
    /// Creates the walk through the unique drafts of a slice.
    pub(super) fn unique(slice: Slice) -> Self {
        let KeyRange { after, until } = slice.unique();
        let request = under_reserved(after);
        let kind = Kind::Unique {
            undivided: Some(slice.shards()),
        };
        Self { request, until, kind }
    }

    /// Creates the walk through all other keys of a slice.
    pub(super) fn named(slice: Slice) -> Self {
        let KeyRange { after, until } = slice.named();
        let request = from(after);
        let kind = Kind::Named { since: None };
        Self { request, until, kind }
    }

    /// Returns true before the first page of unique drafts, which shows how to divide the walk.
    pub(super) fn is_first(&self) -> bool {
        matches!(self.kind, Kind::Unique { undivided: Some(_) }) && self.request.continuation.is_none()
    }

    /// Reads a page. `passes_over` returns true for a draft after which the rest of its shard can be skipped. The rest
    /// of the range is divided into at most `lanes` walks.
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
            let feed = last_passed
                .as_ref()
                .and_then(FeedEntry::in_key)
                .map(FeedEntry::past_shard);
            match feed.filter(|past| last <= *past) {
                Some(past) => self.beyond(past),
                None => self.named_rest(first.unwrap_or_default(), &last, next, lanes),
            }
        } else {
            let living_shard = last_passed.and_then(|key| shard_of(key.as_str()));
            self.unique_rest(&last, living_shard, next, lanes)
        };
        Read { objects, rest }
    }

    /// Returns true if a key after the current position belongs to the range.
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
        // The next pages are assumed to span as many shards as this one.
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
            return self.beyond(past_shard(LAST_SHARD));
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

    /// Returns the walk through the names after a key.
    fn beyond(self, key: String) -> Vec<Self> {
        let request = from(Some(key));
        let kind = Kind::Named { since: None };
        vec![Self { request, kind, ..self }]
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

/// Returns the shard that contains a key.
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
