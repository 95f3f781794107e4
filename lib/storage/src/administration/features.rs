//! Features that some stores lack, or that a bucket has only if it is configured so.

use std::fmt;

/// A feature of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// Tags that an upload or a copy sets.
    Tags,
    /// Storage classes. Which ones there are is the store's matter.
    StorageClasses,
    /// Retention and legal holds in main: object lock.
    ObjectLock,
    /// Server-side encryption that an upload asks for.
    Encryption,
}

impl Feature {
    /// All features, in the order of the table that doctor prints.
    pub const ALL: [Self; 4] = [Self::Tags, Self::StorageClasses, Self::ObjectLock, Self::Encryption];
}

impl fmt::Display for Feature {
    /// Formats the feature by S3's names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tags => "x-amz-tagging",
            Self::StorageClasses => "x-amz-storage-class",
            Self::ObjectLock => "object lock of main",
            Self::Encryption => "x-amz-server-side-encryption",
        })
    }
}

/// The features that a store has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Features([bool; Feature::ALL.len()]);

impl Features {
    /// Returns the features with this one added or removed.
    #[must_use]
    pub const fn with(mut self, feature: Feature, is_there: bool) -> Self {
        self.0[feature as usize] = is_there;
        self
    }

    /// Returns `true` if the store has the feature.
    pub const fn has(&self, feature: Feature) -> bool {
        self.0[feature as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_has_its_own_place() {
        for feature in Feature::ALL {
            let only = Features::default().with(feature, true);
            assert!(
                Feature::ALL
                    .into_iter()
                    .all(|other| only.has(other) == (other == feature))
            );
        }
    }
}
