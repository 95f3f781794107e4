//! Pages of versions: by key in byte order, and those of a key from the newest to the oldest.

use std::ops::Bound;

use super::listing::{ListEntry, ListPage, common_prefix, successor};
use super::records::decode;
use super::snapshot::Snapshot;
use super::versions::{Version, VersionSelector, VersionStamp};
use crate::error::BackendError;

/// The next key and version of a listing, or `None` at its end.
type NextVersion = Result<Option<(String, Version)>, BackendError>;

/// A query for a page of versions.
#[derive(Debug, Default)]
pub(crate) struct VersionQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    /// The key or common prefix to start after.
    pub(crate) key_marker: String,
    /// The version of the key marker's key to start after. Without one, all versions of that key are skipped.
    pub(crate) version_marker: VersionSelector,
    pub(crate) max: usize,
}

/// A version in a listing.
#[derive(Debug)]
pub(crate) struct VersionEntry {
    pub(crate) version: Version,
    pub(crate) is_latest: bool,
}

impl Snapshot {
    /// Returns a page of versions, or `NoSuchBucket`.
    pub(crate) fn list_versions(&self, query: &VersionQuery) -> Result<ListPage<VersionEntry>, BackendError> {
        self.bucket(&query.bucket)?;
        let mut page = ListPage {
            entries: Vec::new(),
            truncated: false,
        };
        let Some(mut start) = self.start(query)? else {
            return Ok(page);
        };
        let mut last_key = start.resumed.then(|| query.key_marker.clone());
        'seek: loop {
            let mut merged = self.merge(query, &start)?;
            while let Some((key, version)) = merged()? {
                if !key.starts_with(&query.prefix) {
                    return Ok(page);
                }
                if page.entries.len() == query.max {
                    page.truncated = query.max > 0;
                    return Ok(page);
                }
                if let Some(prefix) = common_prefix(&key, &query.prefix, &query.delimiter) {
                    page.entries.push(ListEntry::CommonPrefix(prefix.to_owned()));
                    let Some(next) = successor(prefix) else { return Ok(page) };
                    start = Start::at(next);
                    continue 'seek;
                }
                let is_latest = last_key.as_ref() != Some(&key);
                last_key = Some(key.clone());
                page.entries
                    .push(ListEntry::Item(key, VersionEntry { version, is_latest }));
            }
            return Ok(page);
        }
    }

    /// Returns where a page starts, or `None` if there is nothing after its markers.
    fn start(&self, query: &VersionQuery) -> Result<Option<Start>, BackendError> {
        let marker = query.key_marker.as_str();
        if marker.is_empty() || marker < query.prefix.as_str() {
            return Ok(Some(Start::at(query.prefix.clone())));
        }
        if let Some(prefix) = common_prefix(marker, &query.prefix, &query.delimiter)
            && prefix.len() == marker.len()
        {
            return Ok(successor(prefix).map(Start::at));
        }
        let order = match query.version_marker {
            VersionSelector::Stamp(VersionStamp { order, .. }) => Some(order),
            VersionSelector::Null => {
                let null = self.version(&query.bucket, marker, VersionSelector::Null)?;
                null.version.map(|version| version.stamp().order)
            }
            VersionSelector::Current => None,
        };
        Ok(Some(Start {
            key: marker.to_owned(),
            skip_key: true,
            older_than: order,
            resumed: true,
        }))
    }

    /// Returns a function that returns one version after the other, from both tables.
    fn merge(&self, query: &VersionQuery, start: &Start) -> Result<impl FnMut() -> NextVersion + use<>, BackendError> {
        let (bucket, key) = (query.bucket.as_str(), start.key.as_str());
        // No name of a bucket lies between the two.
        let end = format!("{bucket}\0");
        let place = match (start.skip_key, start.older_than) {
            (false, _) => 0,
            (true, Some(order)) => u64::MAX - order,
            (true, None) => u64::MAX,
        };
        let from_object = (bucket, key);
        let from_version = (bucket, key, place);
        let (from_object, from_version) = if start.skip_key {
            (Bound::Excluded(from_object), Bound::Excluded(from_version))
        } else {
            (Bound::Included(from_object), Bound::Included(from_version))
        };
        let objects = (from_object, Bound::Excluded((end.as_str(), "")));
        let versions = (from_version, Bound::Excluded((end.as_str(), "", 0)));
        let mut objects = self.objects()?.range::<(&str, &str)>(objects)?.map(|entry| {
            let (name, record) = entry?;
            Ok::<_, BackendError>((name.value().1.to_owned(), Version::Object(decode(record.value())?)))
        });
        let mut versions = self.versions()?.range::<(&str, &str, u64)>(versions)?.map(|entry| {
            let (name, record) = entry?;
            Ok::<_, BackendError>((name.value().1.to_owned(), decode::<Version>(record.value())?))
        });
        let (mut object, mut version) = (objects.next().transpose()?, versions.next().transpose()?);
        Ok(move || {
            let object_first = match (&object, &version) {
                (Some((object, _)), Some((version, _))) => object <= version,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let (slot, next) = if object_first {
                let next = objects.next().transpose()?;
                (&mut object, next)
            } else {
                let next = versions.next().transpose()?;
                (&mut version, next)
            };
            Ok(std::mem::replace(slot, next))
        })
    }
}

/// The place where a page starts.
struct Start {
    key: String,
    /// True if the current object of the key is not part of the page.
    skip_key: bool,
    /// The order of the version of the key that the previous page ended with.
    older_than: Option<u64>,
    /// True if the previous page ended with a version of the key.
    resumed: bool,
}

impl Start {
    fn at(key: String) -> Self {
        Self {
            key,
            skip_key: false,
            older_than: None,
            resumed: false,
        }
    }
}
