//! The versions of objects: their IDs, their order, and where they are in the index.
//!
//! The table of objects contains the current object of each key, so that reads and listings of current objects never
//! meet another version. All others are in the table of versions: those that were replaced, and delete markers, of which
//! the newest version of a key may be one.

use redb::ReadableTable;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::records::{ObjectRecord, decode};
use super::tables::get;
use crate::error::BackendError;

/// The ID of the version that was stored while the bucket had no versions, or kept no new ones.
const NULL_VERSION: &str = "null";

/// The identity of a version, and its place among the versions of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionStamp {
    /// Greater for newer versions of a key. The time when it was stored in microseconds since 1970, unless the clock was
    /// set back.
    pub(crate) order: u64,
    /// Random bits, so that no ID is used twice; `None` for the version `null`.
    pub(crate) nonce: Option<u64>,
}

impl VersionStamp {
    /// Returns the stamp of a version that is about to be stored. The index completes it.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            order: u64::try_from(now_ms).unwrap_or_default().saturating_mul(1000),
            nonce: None,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.nonce.is_none()
    }

    /// The version ID that clients see.
    pub(crate) fn id(self) -> String {
        self.nonce.map_or_else(|| NULL_VERSION.to_owned(), |_| self.marker())
    }

    /// The text by which a listing continues after this version. It stays valid when the version is deleted.
    pub(crate) fn marker(self) -> String {
        format!("{:016x}{:016x}", self.order, self.nonce.unwrap_or_default())
    }

    /// The time when the version was stored, in milliseconds since 1970.
    pub(crate) fn stored_ms(self) -> i64 {
        i64::try_from(self.order / 1000).unwrap_or(i64::MAX)
    }

    /// The key that sorts newer versions first.
    pub(super) fn newest_first(self) -> u64 {
        u64::MAX - self.order
    }
}

/// The version that a request names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum VersionSelector {
    /// The newest one.
    #[default]
    Current,
    /// The one with the ID `null`.
    Null,
    Stamp(VersionStamp),
}

impl VersionSelector {
    /// Returns the selector of one version, whose ID may be `null`.
    pub(crate) fn of(stamp: VersionStamp) -> Self {
        if stamp.is_null() {
            Self::Null
        } else {
            Self::Stamp(stamp)
        }
    }

    /// # Errors
    /// Returns `InvalidArgument` for a text that no version of this store has as its ID.
    pub(crate) fn parse(id: Option<&str>) -> S3Result<Self> {
        match id {
            None => Ok(Self::Current),
            Some(NULL_VERSION) => Ok(Self::Null),
            Some(id) => parse_stamp(id)
                .map(Self::Stamp)
                .ok_or_else(|| s3_error!(InvalidArgument, "Invalid version id specified")),
        }
    }
}

fn parse_stamp(id: &str) -> Option<VersionStamp> {
    let canonical = id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let number = u128::from_str_radix(id, 16).ok().filter(|_| canonical)?;
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).ok();
    Some(VersionStamp {
        order: half(number >> 64)?,
        nonce: Some(half(number)?),
    })
}

/// A version of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "delete markers are few beside objects, and never kept in memory"
)]
pub(crate) enum Version {
    Object(ObjectRecord),
    DeleteMarker(VersionStamp),
}

impl Version {
    pub(crate) fn stamp(&self) -> VersionStamp {
        match self {
            Self::Object(object) => object.version,
            Self::DeleteMarker(stamp) => *stamp,
        }
    }

    pub(crate) fn object(&self) -> Option<&ObjectRecord> {
        match self {
            Self::Object(object) => Some(object),
            Self::DeleteMarker(_) => None,
        }
    }
}

/// The tables that contain versions, for reading.
pub(super) struct VersionTables<'t, O, V, N> {
    pub(super) objects: &'t O,
    pub(super) versions: &'t V,
    pub(super) nulls: &'t N,
}

impl<O, V, N> VersionTables<'_, O, V, N>
where
    O: ReadableTable<(&'static str, &'static str), &'static [u8]>,
    V: ReadableTable<(&'static str, &'static str, u64), &'static [u8]>,
    N: ReadableTable<(&'static str, &'static str), u64>,
{
    /// Returns the version, or `None` if the key has no such version.
    pub(super) fn find(
        &self,
        bucket: &str,
        key: &str,
        wanted: VersionSelector,
    ) -> Result<Option<Version>, BackendError> {
        let current: Option<ObjectRecord> = get(self.objects, (bucket, key))?;
        match (wanted, current) {
            (VersionSelector::Current, Some(object)) => Ok(Some(Version::Object(object))),
            (VersionSelector::Null, Some(object)) if object.version.is_null() => Ok(Some(Version::Object(object))),
            (VersionSelector::Stamp(stamp), Some(object)) if object.version == stamp => {
                Ok(Some(Version::Object(object)))
            }
            (VersionSelector::Current, None) => self.newest_kept(bucket, key),
            (VersionSelector::Null, _) => match self.nulls.get((bucket, key))? {
                Some(place) => get(self.versions, (bucket, key, place.value())),
                None => Ok(None),
            },
            (VersionSelector::Stamp(stamp), _) => {
                let version: Option<Version> = get(self.versions, (bucket, key, stamp.newest_first()))?;
                Ok(version.filter(|version| version.stamp() == stamp))
            }
        }
    }

    /// Returns the newest version that is not the current object.
    pub(super) fn newest_kept(&self, bucket: &str, key: &str) -> Result<Option<Version>, BackendError> {
        let mut versions = self.versions.range((bucket, key, 0)..=(bucket, key, u64::MAX))?;
        versions.next().map(|entry| decode(entry?.1.value())).transpose()
    }
}

pub(crate) fn no_such_version() -> S3Error {
    s3_error!(NoSuchVersion, "The specified version does not exist.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_id_parses_back() {
        let stamp = VersionStamp {
            order: 7,
            nonce: Some(u64::MAX),
        };
        let parsed = VersionSelector::parse(Some(&stamp.id())).unwrap();
        assert_eq!(parsed, VersionSelector::Stamp(stamp));
        let null = VersionStamp { order: 7, nonce: None };
        assert_eq!(VersionSelector::parse(Some(&null.id())).unwrap(), VersionSelector::Null);
        assert_eq!(VersionSelector::parse(None).unwrap(), VersionSelector::Current);
        for bad in [
            "",
            "other",
            "0000000000000000000000000000000G",
            &"A".repeat(32),
            &"0".repeat(33),
        ] {
            assert!(VersionSelector::parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
