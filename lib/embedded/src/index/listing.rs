//! Pages of objects and of uploads in byte order, with S3's prefixes and delimiters.

use super::records::{ObjectRecord, UploadRecord, decode};
use super::snapshot::Snapshot;
use crate::error::BackendError;

/// A query for a page of objects.
#[derive(Debug, Default)]
pub(crate) struct ListQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// The delimiter that rolls up keys into common prefixes; empty for none.
    pub(crate) delimiter: String,
    /// The key or common prefix after which the page starts. Keys below a common prefix given here are skipped.
    pub(crate) after: String,
    /// True if `after` is a key, so that the common prefix above it is still to be listed.
    pub(crate) after_is_key: bool,
    pub(crate) max: usize,
}

/// An entry of a listing.
#[derive(Debug)]
pub(crate) enum ListEntry<T> {
    Item(String, T),
    CommonPrefix(String),
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct ListPage<T> {
    pub(crate) entries: Vec<ListEntry<T>>,
    /// True if there are more entries.
    pub(crate) truncated: bool,
}

impl<T> ListPage<T> {
    /// The key or common prefix of the last entry, which is where the next page starts.
    pub(crate) fn last(&self) -> Option<&str> {
        self.entries.last().map(|entry| match entry {
            ListEntry::Item(name, _) | ListEntry::CommonPrefix(name) => name.as_str(),
        })
    }
}

/// A query for a page of multipart uploads.
#[derive(Debug, Default)]
pub(crate) struct UploadQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) key_marker: String,
    /// The upload ID of the key marker's key to start after. If empty, all uploads of that key are skipped.
    pub(crate) id_marker: String,
    pub(crate) max: usize,
}

/// A multipart upload in a listing.
#[derive(Debug)]
pub(crate) struct UploadEntry {
    pub(crate) id: String,
    pub(crate) record: UploadRecord,
}

impl Snapshot {
    /// Returns a page of objects, or `NoSuchBucket`.
    pub(crate) fn list(&self, query: &ListQuery) -> Result<ListPage<ObjectRecord>, BackendError> {
        self.bucket(&query.bucket)?;
        let table = self.objects()?;
        let mut page = ListPage {
            entries: Vec::new(),
            truncated: false,
        };
        // The first key that may be listed, and whether that key itself is skipped.
        let (mut from, mut exclusive) = match common_prefix(&query.after, &query.prefix, &query.delimiter) {
            Some(prefix) if !query.after_is_key && prefix.len() == query.after.len() => match successor(prefix) {
                Some(next) => (next, false),
                None => return Ok(page),
            },
            _ => (query.after.clone(), true),
        };
        if from < query.prefix {
            (from, exclusive) = (query.prefix.clone(), false);
        }
        'seek: loop {
            for entry in table.range((query.bucket.as_str(), from.as_str())..)? {
                let (name, record) = entry?;
                let (bucket, key) = name.value();
                if bucket != query.bucket || !key.starts_with(&query.prefix) {
                    return Ok(page);
                }
                if exclusive && key == from {
                    continue;
                }
                if page.entries.len() == query.max {
                    page.truncated = query.max > 0;
                    return Ok(page);
                }
                if let Some(prefix) = common_prefix(key, &query.prefix, &query.delimiter) {
                    page.entries.push(ListEntry::CommonPrefix(prefix.to_owned()));
                    let Some(next) = successor(prefix) else { return Ok(page) };
                    (from, exclusive) = (next, false);
                    continue 'seek;
                }
                page.entries
                    .push(ListEntry::Item(key.to_owned(), decode(record.value())?));
            }
            return Ok(page);
        }
    }

    /// Returns a page of multipart uploads in progress, by key and then by age, or `NoSuchBucket`.
    pub(crate) fn list_uploads(&self, query: &UploadQuery) -> Result<ListPage<UploadEntry>, BackendError> {
        self.bucket(&query.bucket)?;
        let table = self.uploads()?;
        let mut page = ListPage {
            entries: Vec::new(),
            truncated: false,
        };
        let marker_prefix = common_prefix(&query.key_marker, &query.prefix, &query.delimiter);
        let mut last_prefix = marker_prefix.map(str::to_owned);
        let from = query.key_marker.as_str().max(query.prefix.as_str());
        for entry in table.range((query.bucket.as_str(), from, "")..)? {
            let (name, record) = entry?;
            let (bucket, key, id) = name.value();
            if bucket != query.bucket || !key.starts_with(&query.prefix) {
                break;
            }
            let skipped = !query.key_marker.is_empty()
                && key == query.key_marker
                && (query.id_marker.is_empty() || id <= query.id_marker.as_str());
            if skipped || last_prefix.as_deref().is_some_and(|prefix| key.starts_with(prefix)) {
                continue;
            }
            if page.entries.len() == query.max {
                page.truncated = query.max > 0;
                break;
            }
            if let Some(prefix) = common_prefix(key, &query.prefix, &query.delimiter) {
                last_prefix = Some(prefix.to_owned());
                page.entries.push(ListEntry::CommonPrefix(prefix.to_owned()));
            } else {
                let upload = UploadEntry {
                    id: id.to_owned(),
                    record: decode(record.value())?,
                };
                page.entries.push(ListEntry::Item(key.to_owned(), upload));
            }
        }
        Ok(page)
    }
}

/// Returns the common prefix of `key`: everything through the first delimiter after `prefix`.
pub(super) fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// Returns the smallest string greater than every string with this prefix, if there is one.
pub(super) fn successor(prefix: &str) -> Option<String> {
    let mut next = prefix.to_owned();
    while let Some(last) = next.pop() {
        let after = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(after) = after {
            next.push(after);
            return Some(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_prefixes_end_with_the_delimiter() {
        assert_eq!(common_prefix("a/b/c", "a/", "/"), Some("a/b/"));
        assert_eq!(common_prefix("a/b", "a/", "/"), None);
        assert_eq!(common_prefix("b", "a/", "/"), None);
        assert_eq!(common_prefix("a/b", "", ""), None);
    }

    #[test]
    fn successor_is_greater_than_every_string_with_the_prefix() {
        for prefix in ["a/", "a\u{d7ff}", "a\u{10ffff}", "é"] {
            let next = successor(prefix).unwrap();
            assert!(
                next.as_str() > prefix && next > format!("{prefix}\u{10ffff}\u{10ffff}"),
                "{prefix:?}"
            );
        }
        assert_eq!(successor("\u{10ffff}"), None);
    }
}
