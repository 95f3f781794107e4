//! The state of a count: what has been counted so far, where it continues, and the last whole count.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{ListObjects, ObjectPage};
use serde::{Deserialize, Serialize};

use super::counts::Counts;
use crate::sweep::{KeyRange, Slice};
use crate::{RESERVED_PREFIX, Stage};

/// The version of the format of saved inventories. A sweep that does not know a version counts afresh.
const FORMAT: u32 = 2;

/// The figures of a whole count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Census {
    began_at: u64,
    ended_at: u64,
    /// The figures of every group.
    pub counts: Counts,
}

impl Census {
    /// Returns the time at which the count began. Later changes may be missing.
    pub fn began_at(&self) -> SystemTime {
        time(self.began_at)
    }

    /// Returns the time at which the count ended.
    pub fn ended_at(&self) -> SystemTime {
        time(self.ended_at)
    }
}

/// A count in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Running {
    began_at: u64,
    section: Section,
    /// The key to continue after.
    after: Option<String>,
    /// The token of the store to continue with, which does not outlive a sweep.
    #[serde(skip)]
    continuation: Option<String>,
    counts: Counts,
}

/// A range of keys that is listed in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Section {
    UniqueDrafts,
    NamedDrafts,
    Main,
    /// The bucket of a destination, by its place in the list of them.
    Destination(usize),
}

/// A bucket that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CountedBucket {
    /// The bucket that clients upload to.
    Draft,
    /// The bucket that holds the confirmed objects.
    Main,
    /// The bucket of a destination, by its place in the list of them.
    Destination(usize),
}

impl Section {
    const fn stage(self) -> Stage {
        match self {
            Self::UniqueDrafts | Self::NamedDrafts => Stage::Draft,
            Self::Main | Self::Destination(_) => Stage::Main,
        }
    }

    const fn bucket(self) -> CountedBucket {
        match self {
            Self::UniqueDrafts | Self::NamedDrafts => CountedBucket::Draft,
            Self::Main => CountedBucket::Main,
            Self::Destination(place) => CountedBucket::Destination(place),
        }
    }

    /// Returns the section after this one, where there are so many buckets of destinations.
    const fn next(self, destinations: usize) -> Option<Self> {
        let place = match self {
            Self::UniqueDrafts => return Some(Self::NamedDrafts),
            Self::NamedDrafts => return Some(Self::Main),
            Self::Main => 0,
            Self::Destination(place) => place + 1,
        };
        if place < destinations {
            Some(Self::Destination(place))
        } else {
            None
        }
    }

    fn range(self, slice: Slice) -> KeyRange {
        match self {
            Self::UniqueDrafts => KeyRange {
                after: slice.unique().after.or_else(|| Some(RESERVED_PREFIX.to_owned())),
                ..slice.unique()
            },
            Self::NamedDrafts | Self::Main | Self::Destination(_) => slice.named(),
        }
    }
}

/// The inventory of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inventory {
    format: u32,
    segments: u8,
    /// The buckets of destinations, in the order in which they are counted.
    destinations: Vec<String>,
    last: Option<Census>,
    running: Option<Running>,
}

/// The error for bytes that are not an inventory of a known format.
#[derive(Debug, thiserror::Error)]
#[error("not an inventory of format {FORMAT}")]
pub struct InvalidInventory(#[source] Option<serde_json::Error>);

impl Inventory {
    /// Continues the count that was saved, or begins one if none is in progress. Tenants are the first `segments` segments of
    /// names; a count in progress with another number of them, or of other buckets, is given up.
    pub fn resume(saved: Option<Self>, segments: u8, destinations: Vec<String>, now: SystemTime) -> Self {
        let (last, running) = match saved {
            Some(saved) if saved.segments == segments => {
                let is_of_these = saved.destinations == destinations;
                (saved.last, saved.running.filter(|_| is_of_these))
            }
            Some(_) | None => (None, None),
        };
        let running = running.unwrap_or_else(|| Running {
            began_at: seconds(now),
            section: Section::UniqueDrafts,
            after: None,
            continuation: None,
            counts: Counts::default(),
        });
        Self {
            format: FORMAT,
            segments,
            destinations,
            last,
            running: Some(running),
        }
    }

    /// Returns the number of segments of names by which tenants are told apart.
    pub fn segments(&self) -> u8 {
        self.segments
    }

    /// Returns the last whole count, or `None` if none has ended yet.
    pub fn last(&self) -> Option<&Census> {
        self.last.as_ref()
    }

    /// Returns the next list and its bucket, or `None` if the count has ended.
    pub fn next_list(&self, slice: Slice) -> Option<(CountedBucket, ListObjects)> {
        let running = self.running.as_ref()?;
        let range = running.section.range(slice);
        let request = ListObjects {
            start_after: running.after.clone().or(range.after),
            continuation: running.continuation.clone(),
            ..ListObjects::default()
        };
        Some((running.section.bucket(), request))
    }

    /// Counts the page that answers [`Inventory::next_list`].
    pub fn on_page(&mut self, slice: Slice, page: ObjectPage, now: SystemTime) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let is_over = running.read(slice, page, self.segments, &self.destinations);
        match running.section.next(self.destinations.len()) {
            _ if !is_over => self.running = Some(running),
            Some(section) => {
                self.running = Some(Running {
                    section,
                    after: None,
                    continuation: None,
                    ..running
                });
            }
            None => {
                self.last = Some(Census {
                    began_at: running.began_at,
                    ended_at: seconds(now),
                    counts: running.counts,
                });
            }
        }
    }

    /// Returns the bytes to save.
    ///
    /// # Panics
    /// Never: all of it is representable as JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers, strings and lists are JSON")
    }

    /// Parses what was saved.
    ///
    /// # Errors
    /// Returns [`InvalidInventory`] for anything else, and for another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidInventory> {
        let parsed: Self = serde_json::from_slice(bytes).map_err(|error| InvalidInventory(Some(error)))?;
        if parsed.format == FORMAT {
            Ok(parsed)
        } else {
            Err(InvalidInventory(None))
        }
    }
}

impl Running {
    /// Counts a page, and returns `true` if it was the last one of the section.
    fn read(&mut self, slice: Slice, page: ObjectPage, segments: u8, destinations: &[String]) -> bool {
        let bucket = match self.section {
            Section::UniqueDrafts | Section::NamedDrafts | Section::Main => None,
            Section::Destination(place) => destinations.get(place).map(String::as_str),
        };
        let until = self.section.range(slice).until;
        let past_reserved = format!("{RESERVED_PREFIX}{}", char::MAX);
        self.continuation = page.next;
        for object in page.objects {
            let key = object.key.as_str();
            if until.as_ref().is_some_and(|until| key > until.as_str()) {
                return true;
            }
            let is_unique_or_ours = self.section == Section::NamedDrafts && key.starts_with(RESERVED_PREFIX);
            if is_unique_or_ours && key < past_reserved.as_str() {
                self.after = Some(past_reserved);
                self.continuation = None;
                return false;
            }
            self.counts.count(self.section.stage(), bucket, &object, segments);
            self.after = Some(object.key.to_string());
        }
        self.continuation.is_none()
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the time of a number of seconds. One that no clock shows, which only a damaged inventory has, is the epoch.
fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH)
}
