//! Pages of keys and of uploads, in the order of their bytes, with S3's prefixes and delimiters.

use super::records::{ObjectRecord, UploadRecord, decode};
use super::snapshot::Snapshot;
use crate::failure::Failure;

/// Which keys to list.
#[derive(Debug, Default)]
pub(crate) struct ListQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Keys that have it after the prefix are rolled up; empty for none.
    pub(crate) delimiter: String,
    /// Only what comes after this key or common prefix; of a common prefix, nothing under it either.
    pub(crate) after: String,
    /// Whether `after` may name a key under a common prefix that is still to be listed.
    pub(crate) after_is_key: bool,
    pub(crate) max: usize,
}

/// One line of a listing.
#[derive(Debug)]
pub(crate) enum Entry<T> {
    Item(String, T),
    CommonPrefix(String),
}

/// Some lines of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<Entry<T>>,
    /// There is more.
    pub(crate) truncated: bool,
}

impl<T> Page<T> {
    /// The last line's key or common prefix: where the next page begins.
    pub(crate) fn last(&self) -> Option<&str> {
        self.entries.last().map(|entry| match entry {
            Entry::Item(name, _) | Entry::CommonPrefix(name) => name.as_str(),
        })
    }
}

/// Which uploads to list.
#[derive(Debug, Default)]
pub(crate) struct UploadQuery {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) key_marker: String,
    /// With a key marker: of that key, only uploads after this one. Without: the key is passed over.
    pub(crate) id_marker: String,
    pub(crate) max: usize,
}

/// An upload in a listing.
#[derive(Debug)]
pub(crate) struct UploadEntry {
    pub(crate) id: String,
    pub(crate) record: UploadRecord,
}

pub(crate) type UploadPage = Page<UploadEntry>;

impl Snapshot {
    /// One page of objects. `NoSuchBucket` where there is no such bucket.
    pub(crate) fn list(&self, query: &ListQuery) -> Result<Page<ObjectRecord>, Failure> {
        self.bucket(&query.bucket)?;
        let table = self.objects()?;
        let mut page = Page {
            entries: Vec::new(),
            truncated: false,
        };
        // The first key that could be listed, and whether that very key is passed over.
        let (mut from, mut exclusive) = match rolled_up(&query.after, &query.prefix, &query.delimiter) {
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
                if let Some(prefix) = rolled_up(key, &query.prefix, &query.delimiter) {
                    page.entries.push(Entry::CommonPrefix(prefix.to_owned()));
                    let Some(next) = successor(prefix) else { return Ok(page) };
                    (from, exclusive) = (next, false);
                    continue 'seek;
                }
                page.entries.push(Entry::Item(key.to_owned(), decode(record.value())?));
            }
            return Ok(page);
        }
    }

    /// One page of uploads in progress, by key and then by age. `NoSuchBucket` where there is no such bucket.
    pub(crate) fn list_uploads(&self, query: &UploadQuery) -> Result<UploadPage, Failure> {
        self.bucket(&query.bucket)?;
        let table = self.uploads()?;
        let mut page = Page {
            entries: Vec::new(),
            truncated: false,
        };
        let past = rolled_up(&query.key_marker, &query.prefix, &query.delimiter);
        let mut rolled = past.map(str::to_owned);
        let from = query.key_marker.as_str().max(query.prefix.as_str());
        for entry in table.range((query.bucket.as_str(), from, "")..)? {
            let (name, record) = entry?;
            let (bucket, key, id) = name.value();
            if bucket != query.bucket || !key.starts_with(&query.prefix) {
                break;
            }
            let passed = !query.key_marker.is_empty()
                && key == query.key_marker
                && (query.id_marker.is_empty() || id <= query.id_marker.as_str());
            if passed || rolled.as_deref().is_some_and(|prefix| key.starts_with(prefix)) {
                continue;
            }
            if page.entries.len() == query.max {
                page.truncated = query.max > 0;
                break;
            }
            if let Some(prefix) = rolled_up(key, &query.prefix, &query.delimiter) {
                rolled = Some(prefix.to_owned());
                page.entries.push(Entry::CommonPrefix(prefix.to_owned()));
            } else {
                let upload = UploadEntry {
                    id: id.to_owned(),
                    record: decode(record.value())?,
                };
                page.entries.push(Entry::Item(key.to_owned(), upload));
            }
        }
        Ok(page)
    }
}

/// The common prefix under which `key` is rolled up: through the first delimiter after `prefix`.
fn rolled_up<'k>(key: &'k str, prefix: &str, delimiter: &str) -> Option<&'k str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The least string that is greater than every string that begins with `prefix`, if there is one.
fn successor(prefix: &str) -> Option<String> {
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
        assert_eq!(rolled_up("a/b/c", "a/", "/"), Some("a/b/"));
        assert_eq!(rolled_up("a/b", "a/", "/"), None);
        assert_eq!(rolled_up("b", "a/", "/"), None);
        assert_eq!(rolled_up("a/b", "", ""), None);
    }

    #[test]
    fn a_successor_is_beyond_everything_under_the_prefix() {
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
