//! The options of how the store keeps a confirmed object: tags, storage class, retention, legal hold and encryption.
//!
//! The options of an upload are sealed in the metadata that its URL signs. A confirm gives them to the object in main. The draft
//! has none of them but the encryption: a retention would keep the sweep from deleting it, and a class may cost something.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{Attributes, Encryption, ObjectKey, Retention, RetentionMode, StorageOption, StorageOptions};

use super::Drafts;
use crate::caller::Profile;
use crate::limits::{MAX_CLASS_BYTES, MAX_KMS_KEY_BYTES, MAX_TAG_CHARS, MAX_TAG_VALUE_CHARS, MAX_TAGS};
use crate::secrets::{Binding, Purpose, Secrets};
use crate::violation::Violations;
use crate::{Error, Violation};

/// The metadata name of the sealed options of an upload.
const SEALED: &str = "draftstore-options";

/// The maximum length of the sealed options of an upload, with its metadata, in bytes.
const MAX_SEALED_BYTES: usize = 1536;

/// The longest time from now until which a retention may last: a hundred years.
const MAX_RETENTION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The options of a request, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedOptions {
    /// The tags, by their keys.
    pub tags: BTreeMap<String, String>,
    /// The storage class, by the store's name.
    pub storage_class: Option<String>,
    /// The retention of the version.
    pub retention: Option<RequestedRetention>,
    /// `true` for a legal hold, and `false` for none.
    pub legal_hold: Option<bool>,
    /// The server-side encryption: `AES256` or `aws:kms`.
    pub encryption: Option<String>,
    /// The ID of the key of `aws:kms`.
    pub kms_key_id: Option<String>,
}

/// The retention of a request, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedRetention {
    /// The mode of the retention.
    pub mode: Option<RetentionMode>,
    /// The time until which the version is kept.
    pub until: Option<SystemTime>,
}

impl RequestedOptions {
    /// Validates the options, and records the rules that they break.
    pub(super) fn check(&self, profile: &Profile, now: SystemTime, broken: &mut Violations) -> StorageOptions {
        if *self == Self::default() {
            return StorageOptions::NONE;
        }
        let mut of = Violations::default();
        let mut options = self.parse(profile, now, &mut of);
        for option in options.set() {
            of.take(profile.check_option(option));
        }
        profile.fixed_options.check(&options, &profile.described(), &mut of);
        profile.fixed_options.complete_tags(&mut options);
        if !options.tags_fit() {
            let rule = format!("{}, with those of {}", tags_rule(), profile.described());
            of.take::<()>(Err(Violation::new("tags", rule)));
        }
        for violation in of.into_vec() {
            broken.take::<()>(Err(violation.within("storage_options")));
        }
        options
    }

    /// Parses each option, and records the rules that they break.
    pub(crate) fn parse(&self, profile: &Profile, now: SystemTime, of: &mut Violations) -> StorageOptions {
        StorageOptions {
            tags: of.take(tags(&self.tags, profile)).unwrap_or_default(),
            storage_class: of.take_optional(self.storage_class.as_deref().map(class)),
            retention: of.take_optional(self.retention.as_ref().map(|retention| retention.check(now))),
            legal_hold: self.legal_hold,
            encryption: of.take(self.encryption()).flatten(),
        }
    }

    fn encryption(&self) -> Result<Option<Encryption>, Violation> {
        let key = self.kms_key_id.as_deref().map(kms_key).transpose()?;
        match (self.encryption.as_deref(), key) {
            (None, None) => Ok(None),
            (Some("AES256"), None) => Ok(Some(Encryption::Store)),
            (Some("aws:kms"), key) => Ok(Some(Encryption::Kms(key))),
            (None | Some("AES256"), Some(_)) => Err(Violation::new(
                "kms_key_id",
                "must not be given without the encryption 'aws:kms'",
            )),
            (Some(_), _) => Err(Violation::new("encryption", "must be 'AES256' or 'aws:kms'")),
        }
    }
}

impl RequestedRetention {
    fn check(&self, now: SystemTime) -> Result<Retention, Violation> {
        let Some(mode) = self.mode else {
            let rule = "must be RETENTION_MODE_GOVERNANCE or RETENTION_MODE_COMPLIANCE";
            return Err(Violation::new("retention.mode", rule));
        };
        let until = self.until.filter(|until| *until > now && *until <= now + MAX_RETENTION);
        let rule = "must be in the future, and at most a hundred years from now";
        let until = until.ok_or_else(|| Violation::new("retention.until", rule))?;
        Ok(Retention { mode, until })
    }
}

impl Drafts {
    /// Refuses options that the store lacks. The store is asked once, with the first request that has options.
    pub(super) async fn require_options(&self, options: &StorageOptions) -> Result<(), Error> {
        if options.is_empty() {
            return Ok(());
        }
        let features = self.shared.store.features().await?;
        let lacking = options.set().find(|option| !features.has(option.feature()));
        lacking.map_or(Ok(()), |option| Err(Error::OptionUnsupported(option)))
    }

    /// Adds the sealed options to the attributes of the upload of this draft.
    pub(super) fn seal_options(&self, attributes: &mut Attributes, options: &StorageOptions, draft: &ObjectKey) {
        if options.is_empty() {
            return;
        }
        let sealed = self
            .shared
            .secrets
            .current()
            .seal(binding(&[draft.as_str()]), encode(options).as_bytes());
        attributes.metadata.insert(SEALED.to_owned(), sealed);
        attributes.options.encryption.clone_from(&options.encryption);
    }

    /// Returns the options that were sealed for this draft, or `None` if there are none.
    pub(super) fn open_options(
        &self,
        metadata: &BTreeMap<String, String>,
        draft: &ObjectKey,
    ) -> Option<StorageOptions> {
        let sealed = metadata.get(SEALED)?;
        let content = self.shared.secrets.current().open(binding(&[draft.as_str()]), sealed)?;
        decode(&String::from_utf8(content).ok()?)
    }
}

/// Checks that the options of an upload fit in its metadata.
pub(super) fn check_sealed(options: &StorageOptions, metadata: &BTreeMap<String, String>) -> Result<(), Violation> {
    if options.is_empty() {
        return Ok(());
    }
    let sealed = (encode(options).len() + Secrets::SEAL_BYTES).div_ceil(3) * 4;
    let metadata: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if sealed + metadata <= MAX_SEALED_BYTES {
        return Ok(());
    }
    let rule = "must be shorter, or the metadata: an upload has no room for both. A confirm may have longer options";
    Err(Violation::new("storage_options", rule))
}

/// Names the option in the error of a copy that the store refuses because it lacks a class, a lock or a key.
pub(super) fn name_option(error: Error, options: &StorageOptions) -> Error {
    let refused = options.set().find(|option| *option != StorageOption::Tags);
    match (error, refused) {
        (Error::StoreUnsupported(_), Some(option)) => Error::OptionUnsupported(option),
        (error, _) => error,
    }
}

fn binding<'a>(parts: &'a [&'a str]) -> Binding<'a> {
    Binding {
        purpose: Purpose::Options,
        parts,
    }
}

/// Encodes options as lines of a name and values, with tabs between. No value has a tab or an end of line.
pub(super) fn encode(options: &StorageOptions) -> String {
    let StorageOptions {
        tags,
        storage_class,
        retention,
        legal_hold,
        encryption,
    } = options;
    let mut lines: Vec<_> = tags.iter().map(|(key, value)| format!("t\t{key}\t{value}")).collect();
    lines.extend(storage_class.as_ref().map(|class| format!("c\t{class}")));
    lines.extend(retention.as_ref().map(|Retention { mode, until }| {
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match mode {
            RetentionMode::Governance => format!("g\t{until}"),
            RetentionMode::Compliance => format!("r\t{until}"),
        }
    }));
    lines.extend(legal_hold.map(|held| if held { "h" } else { "n" }.to_owned()));
    lines.extend(encryption.as_ref().map(|encryption| match encryption {
        Encryption::Store => "s".to_owned(),
        Encryption::Kms(None) => "k".to_owned(),
        Encryption::Kms(Some(key)) => format!("k\t{key}"),
    }));
    lines.join("\n")
}

fn decode(text: &str) -> Option<StorageOptions> {
    let mut options = StorageOptions::NONE;
    for line in text.lines() {
        let mut values = line.split('\t');
        let (name, first, second) = (values.next()?, values.next(), values.next());
        let retention = |mode| {
            let until = UNIX_EPOCH.checked_add(Duration::from_secs(first?.parse().ok()?))?;
            Some(Retention { mode, until })
        };
        match name {
            "t" => drop(options.tags.insert(first?.to_owned(), second?.to_owned())),
            "c" => options.storage_class = Some(first?.to_owned()),
            "g" => options.retention = Some(retention(RetentionMode::Governance)?),
            "r" => options.retention = Some(retention(RetentionMode::Compliance)?),
            "h" => options.legal_hold = Some(true),
            "n" => options.legal_hold = Some(false),
            "s" => options.encryption = Some(Encryption::Store),
            "k" => options.encryption = Some(Encryption::Kms(first.map(ToOwned::to_owned))),
            _ => return None,
        }
    }
    Some(options)
}

/// Returns the rule for all tags of an object together.
pub(crate) fn tags_rule() -> String {
    let bytes = StorageOptions::MAX_TAGS_BYTES;
    format!("must be at most {MAX_TAGS}, and have at most {bytes} bytes in percent-encoding")
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub(super) fn tags(tags: &BTreeMap<String, String>, profile: &Profile) -> Result<BTreeMap<String, String>, Violation> {
    if tags.len() > MAX_TAGS {
        return Err(Violation::new("tags", format!("must be at most {MAX_TAGS}")));
    }
    let scanner = profile.checks.as_ref().and_then(|checks| checks.settings.tag.as_ref());
    if let Some(key) = scanner.map(|check| &check.key).filter(|key| tags.contains_key(*key)) {
        return Err(Violation::new(
            format!("tags.{key}"),
            "must not be given: a scanner sets it",
        ));
    }
    let is_plain = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    for (key, value) in tags {
        let fits = (1..=MAX_TAG_CHARS).contains(&key.chars().count()) && value.chars().count() <= MAX_TAG_VALUE_CHARS;
        if !fits || !key.chars().chain(value.chars()).all(is_plain) || key.starts_with("aws:") {
            let rule = format!(
                "must have a key of 1 to {MAX_TAG_CHARS} and a value of at most {MAX_TAG_VALUE_CHARS} letters, digits, \
                 spaces and '+-=._:/@', and not begin with 'aws:'"
            );
            let field = if fits { format!("tags.{key}") } else { "tags".to_owned() };
            return Err(Violation::new(field, rule));
        }
    }
    Ok(tags.clone())
}

/// Parses the name of a storage class.
pub(crate) fn class(class: &str) -> Result<String, Violation> {
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-".contains(&b);
    if (1..=MAX_CLASS_BYTES).contains(&class.len()) && class.bytes().all(plain) {
        return Ok(class.to_owned());
    }
    let rule = format!("must be 1 to {MAX_CLASS_BYTES} of A-Z, 0-9, '_' and '-'");
    Err(Violation::new("storage_class", rule))
}

fn kms_key(key: &str) -> Result<String, Violation> {
    if (1..=MAX_KMS_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(key.to_owned());
    }
    let rule = format!("must be 1 to {MAX_KMS_KEY_BYTES} visible ASCII characters");
    Err(Violation::new("kms_key_id", rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{CheckSettings, TagCheck};

    fn all() -> StorageOptions {
        StorageOptions {
            tags: [("a b", "ü"), ("c", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            storage_class: Some("STANDARD_IA".to_owned()),
            retention: Some(Retention {
                mode: RetentionMode::Compliance,
                until: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            }),
            legal_hold: Some(true),
            encryption: Some(Encryption::Kms(Some("key-1".to_owned()))),
        }
    }

    #[test]
    fn options_are_sealed_whole() {
        for encryption in [
            None,
            Some(Encryption::Store),
            Some(Encryption::Kms(None)),
            all().encryption,
        ] {
            let options = StorageOptions { encryption, ..all() };
            assert_eq!(decode(&encode(&options)), Some(options));
        }
        assert_eq!(decode(""), Some(StorageOptions::NONE));
        for bad in ["x", "t", "t\ta", "g\tsoon", "r"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_rule_names_its_field() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let tag = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let retention = |until| RequestedOptions {
            retention: Some(RequestedRetention {
                mode: Some(RetentionMode::Governance),
                until,
            }),
            ..RequestedOptions::default()
        };
        let text = |text: &str| Some(text.to_owned());
        let none = RequestedOptions::default;
        for (field, options) in [
            (
                "tags",
                RequestedOptions {
                    tags: tag("", "x"),
                    ..none()
                },
            ),
            (
                "tags",
                RequestedOptions {
                    tags: tag("a", &"x".repeat(257)),
                    ..none()
                },
            ),
            (
                "tags.a\tb",
                RequestedOptions {
                    tags: tag("a\tb", "x"),
                    ..none()
                },
            ),
            (
                "tags.aws:a",
                RequestedOptions {
                    tags: tag("aws:a", "x"),
                    ..none()
                },
            ),
            (
                "storage_class",
                RequestedOptions {
                    storage_class: text("standard"),
                    ..none()
                },
            ),
            (
                "retention.mode",
                RequestedOptions {
                    retention: Some(RequestedRetention::default()),
                    ..none()
                },
            ),
            ("retention.until", retention(None)),
            ("retention.until", retention(Some(now))),
            (
                "retention.until",
                retention(Some(now + MAX_RETENTION + Duration::from_secs(1))),
            ),
            (
                "encryption",
                RequestedOptions {
                    encryption: text("aes"),
                    ..none()
                },
            ),
            (
                "kms_key_id",
                RequestedOptions {
                    kms_key_id: text("a"),
                    ..none()
                },
            ),
            (
                "kms_key_id",
                RequestedOptions {
                    encryption: text("aws:kms"),
                    kms_key_id: text(" "),
                    ..none()
                },
            ),
        ] {
            let mut broken = Violations::default();
            options.check(&Profile::default(), now, &mut broken);
            let fields: Vec<_> = broken
                .as_slice()
                .iter()
                .map(|violation| violation.field.as_str())
                .collect();
            assert_eq!(fields, [format!("storage_options.{field}")]);
        }
    }

    #[test]
    fn tag_of_a_scanner_is_refused() {
        let checks = CheckSettings {
            tag: Some(TagCheck::default()),
            ..CheckSettings::default()
        };
        let scanned = Profile {
            checks: Some(checks.into()),
            ..Profile::default()
        };
        let options = |key: &str| RequestedOptions {
            tags: BTreeMap::from([(key.to_owned(), "NO_THREATS_FOUND".to_owned())]),
            ..RequestedOptions::default()
        };
        for (profile, key, fields) in [
            (
                &scanned,
                "GuardDutyMalwareScanStatus",
                &["storage_options.tags.GuardDutyMalwareScanStatus"][..],
            ),
            (&scanned, "other", &[]),
            (&Profile::default(), "GuardDutyMalwareScanStatus", &[]),
        ] {
            let mut broken = Violations::default();
            options(key).check(profile, UNIX_EPOCH, &mut broken);
            let broken: Vec<_> = broken.as_slice().iter().map(|one| one.field.as_str()).collect();
            assert_eq!(broken, fields, "{key}");
        }
    }

    #[test]
    fn profile_limits_the_options() {
        let mut broken = Violations::default();
        let allowed = Profile {
            storage_options: Some([StorageOption::Tags].into()),
            ..Profile::default()
        };
        let options = RequestedOptions {
            tags: BTreeMap::from([("a".to_owned(), "x".to_owned())]),
            legal_hold: Some(true),
            ..RequestedOptions::default()
        };
        options.check(&allowed, UNIX_EPOCH, &mut broken);
        let fields: Vec<_> = broken
            .as_slice()
            .iter()
            .map(|violation| violation.field.as_str())
            .collect();
        assert_eq!(fields, ["storage_options.legal_hold"]);
    }
}
