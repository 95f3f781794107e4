//! Storage classes. They are labels, but for the archives: an object in one is read only after it has been restored.

use s3s::dto::StorageClass;
use s3s::{S3Result, s3_error};

use crate::clock;
use crate::index::{ObjectClass, ObjectRecord, Restored};

const NAMES: [(ObjectClass, &str); 8] = [
    (ObjectClass::Standard, StorageClass::STANDARD),
    (ObjectClass::ReducedRedundancy, StorageClass::REDUCED_REDUNDANCY),
    (ObjectClass::StandardIa, StorageClass::STANDARD_IA),
    (ObjectClass::OneZoneIa, StorageClass::ONEZONE_IA),
    (ObjectClass::IntelligentTiering, StorageClass::INTELLIGENT_TIERING),
    (ObjectClass::GlacierInstantRetrieval, StorageClass::GLACIER_IR),
    (ObjectClass::Glacier, StorageClass::GLACIER),
    (ObjectClass::DeepArchive, StorageClass::DEEP_ARCHIVE),
];

impl ObjectClass {
    /// # Errors
    /// Returns `InvalidStorageClass` for a name that is not known.
    pub(super) fn parse(name: Option<&str>) -> S3Result<Self> {
        let Some(name) = name else { return Ok(Self::Standard) };
        let known = NAMES.into_iter().find(|(_, known)| *known == name);
        known
            .map(|(class, _)| class)
            .ok_or_else(|| s3_error!(InvalidStorageClass, "The storage class you specified is not valid"))
    }

    pub(super) fn name(self) -> &'static str {
        let known = NAMES.into_iter().find(|(class, _)| *class == self);
        known.map_or(StorageClass::STANDARD, |(_, name)| name)
    }

    /// The value of `x-amz-storage-class`, which S3 omits for the standard class.
    pub(super) fn header(self) -> Option<StorageClass> {
        (self != Self::Standard).then(|| StorageClass::from_static(self.name()))
    }

    pub(super) fn is_archive(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }
}

/// # Errors
/// Returns 403 for an archived object that is not restored at this time.
pub(super) fn require_readable(object: &ObjectRecord, now_ms: i64) -> S3Result<()> {
    let is_restored = object.restored.is_some_and(|restored| restored.is_readable(now_ms));
    if !object.attributes.class.is_archive() || is_restored {
        return Ok(());
    }
    Err(s3_error!(
        InvalidObjectState,
        "The operation is not valid for the object's storage class"
    ))
}

impl Restored {
    pub(super) fn is_readable(self, now_ms: i64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// The value of `x-amz-restore`, if the copy is under way or can be read.
    pub(super) fn header(self, now_ms: i64) -> Option<String> {
        if now_ms < self.from_ms {
            Some("ongoing-request=\"true\"".to_owned())
        } else if self.is_readable(now_ms) {
            let expiry = clock::http_date(self.until_ms);
            Some(format!("ongoing-request=\"false\", expiry-date=\"{expiry}\""))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_names_parse_back() {
        for (class, name) in NAMES {
            assert_eq!(ObjectClass::parse(Some(name)).unwrap(), class);
            assert_eq!(class.name(), name);
        }
        assert_eq!(ObjectClass::parse(None).unwrap(), ObjectClass::Standard);
        assert!(ObjectClass::parse(Some("standard")).is_err());
    }

    #[test]
    fn restored_copy_has_a_beginning_and_an_end() {
        let restored = Restored {
            from_ms: 1000,
            until_ms: 2000,
        };
        let header = |now_ms| restored.header(now_ms);
        assert_eq!(header(999).as_deref(), Some("ongoing-request=\"true\""));
        assert_eq!(
            header(1000).as_deref(),
            Some("ongoing-request=\"false\", expiry-date=\"Thu, 01 Jan 1970 00:00:02 GMT\"")
        );
        assert_eq!(header(2000), None);
    }
}
