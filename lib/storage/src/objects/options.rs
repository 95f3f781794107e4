//! The options of how a store keeps an object, beside its bytes, headers and metadata.

use std::collections::BTreeMap;

use crate::{Feature, Retention, closed_set};

closed_set! {
    /// An option of how a store keeps an object. Its name is that of the field in requests.
    #[derive(PartialOrd, Ord)]
    pub enum StorageOption {
        /// Tags, which are pairs of a key and a value.
        Tags = "tags",
        /// The storage class, by the store's name.
        StorageClass = "storage_class",
        /// A time until which the version cannot be deleted.
        Retention = "retention",
        /// A hold that keeps the version from being deleted.
        LegalHold = "legal_hold",
        /// Server-side encryption, by the store's keys or those of a key service.
        Encryption = "encryption",
    }
}

impl StorageOption {
    /// Returns the option with this name of its field.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|option| option.as_str() == name).copied()
    }

    /// Returns the feature of a store that the option needs.
    pub const fn feature(self) -> Feature {
        match self {
            Self::Tags => Feature::Tags,
            Self::StorageClass => Feature::StorageClasses,
            Self::Retention | Self::LegalHold => Feature::ObjectLock,
            Self::Encryption => Feature::Encryption,
        }
    }
}

/// The options of how a store keeps an object. The default leaves everything to the store and its bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct StorageOptions {
    /// The tags, by their keys.
    pub tags: BTreeMap<String, String>,
    /// The storage class, by the store's name. `None` is the store's default.
    pub storage_class: Option<String>,
    /// The retention, during which the version cannot be deleted.
    pub retention: Option<Retention>,
    /// True for a legal hold, which keeps the version from being deleted, and false for none. `None` leaves it as it is.
    pub legal_hold: Option<bool>,
    /// The server-side encryption. `None` is the bucket's default.
    pub encryption: Option<Encryption>,
}

/// The server-side encryption of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// SSE-S3: keys of the store (`AES256`).
    Store,
    /// SSE-KMS (`aws:kms`): the key of this ID, or without one the default key of the account.
    Kms(Option<String>),
}

impl Encryption {
    /// Returns the store's name of the encryption.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Store => "AES256",
            Self::Kms(_) => "aws:kms",
        }
    }
}

impl StorageOptions {
    /// The absence of all options.
    pub const NONE: Self = Self {
        tags: BTreeMap::new(),
        storage_class: None,
        retention: None,
        legal_hold: None,
        encryption: None,
    };

    /// The maximum number of tags of an object.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
    pub const MAX_TAGS: usize = 10;

    /// The maximum length of all tags of an object in the header of a request, where they are percent-encoded, in bytes. Ten of the
    /// longest keys and values fit if they have ASCII letters and digits alone. S3 takes 8 KB of headers.
    pub const MAX_TAGS_BYTES: usize = 4096;

    /// Returns `true` if the tags are not too many, nor too long together.
    pub fn tags_fit(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let encoded = |text: &str| {
            text.bytes()
                .map(|byte| if is_plain(byte) { 1 } else { 3 })
                .sum::<usize>()
        };
        let bytes = self
            .tags
            .iter()
            .map(|(key, value)| encoded(key) + encoded(value) + "=&".len());
        self.tags.len() <= Self::MAX_TAGS && bytes.sum::<usize>() <= Self::MAX_TAGS_BYTES
    }

    /// Returns `true` if no option is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Sets the options that the other has. Its tags replace all tags.
    pub fn extend(&mut self, other: &Self) {
        if !other.tags.is_empty() {
            self.tags.clone_from(&other.tags);
        }
        if other.storage_class.is_some() {
            self.storage_class.clone_from(&other.storage_class);
        }
        if other.retention.is_some() {
            self.retention.clone_from(&other.retention);
        }
        self.legal_hold = other.legal_hold.or(self.legal_hold);
        if other.encryption.is_some() {
            self.encryption.clone_from(&other.encryption);
        }
    }

    /// Returns the options that are set.
    pub fn set(&self) -> impl Iterator<Item = StorageOption> {
        let is_set = |option: &StorageOption| match option {
            StorageOption::Tags => !self.tags.is_empty(),
            StorageOption::StorageClass => self.storage_class.is_some(),
            StorageOption::Retention => self.retention.is_some(),
            StorageOption::LegalHold => self.legal_hold.is_some(),
            StorageOption::Encryption => self.encryption.is_some(),
        };
        StorageOption::ALL.iter().copied().filter(is_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_long_tags_of_letters_fit_and_no_more_bytes() {
        let options = |count: usize, letter: &str| StorageOptions {
            tags: (0..count)
                .map(|place| (format!("{place}{}", letter.repeat(127)), letter.repeat(256)))
                .collect(),
            ..StorageOptions::NONE
        };
        assert!(StorageOptions::NONE.tags_fit() && options(10, "x").tags_fit() && options(1, "ü").tags_fit());
        assert!(!options(11, "").tags_fit() && !options(10, "ü").tags_fit() && !options(10, " ").tags_fit());
    }

    #[test]
    fn other_options_win_and_the_rest_stays() {
        let tags = |name: &str| BTreeMap::from([(name.to_owned(), "1".to_owned())]);
        let mut options = StorageOptions {
            tags: tags("a"),
            storage_class: Some("STANDARD_IA".to_owned()),
            ..StorageOptions::NONE
        };
        options.extend(&StorageOptions::NONE);
        assert_eq!(options.tags, tags("a"));
        options.extend(&StorageOptions {
            tags: tags("b"),
            legal_hold: Some(true),
            encryption: Some(Encryption::Kms(None)),
            ..StorageOptions::NONE
        });
        assert_eq!(options.tags, tags("b"));
        assert_eq!(options.storage_class.as_deref(), Some("STANDARD_IA"));
        options.extend(&StorageOptions {
            legal_hold: Some(false),
            ..StorageOptions::NONE
        });
        assert_eq!(options.legal_hold, Some(false));
        let set: Vec<_> = options.set().map(StorageOption::as_str).collect();
        assert_eq!(set, ["tags", "storage_class", "legal_hold", "encryption"]);
        assert_eq!(StorageOptions::NONE.set().count(), 0);
    }
}
