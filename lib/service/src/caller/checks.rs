//! The checks of a caller's drafts.

use draftstore_inspection::{ArchiveCheck, ImageCheck, Settings, TypeCheck};
use draftstore_scanners::Address;
use serde::{Deserialize, Serialize};

use super::ContentTypes;
use super::webhook::WebhookCheck;

/// The largest depth of archives inside archives that a check can allow.
pub const MAX_ARCHIVE_DEPTH: u64 = ArchiveCheck::MAX_DEPTH as u64;

/// The largest size in bytes of a draft that a scan can allow.
pub const MAX_SCANNED_BYTES: u64 = draftstore_scanners::MAX_SIZE;

/// The checks of a profile, with all that their verdicts depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// The checks that are on, with their bounds.
    pub settings: CheckSettings,
    /// The media types that the profile allows. The holder of a ticket may upload fewer.
    pub content_types: Option<ContentTypes>,
}

impl From<CheckSettings> for Checks {
    /// Returns the checks of a profile that allows all media types.
    fn from(settings: CheckSettings) -> Self {
        let content_types = None;
        Self {
            settings,
            content_types,
        }
    }
}

/// The checks that a draft must pass before it is confirmed. One that is absent is off.
///
/// The fields serialize in one order, with every default filled in, so that equal settings have equal digests. The
/// addresses of daemons are left out: a verdict counts wherever the daemon has moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// The media type, by the bytes.
    #[serde(rename = "type")]
    pub media_type: Option<TypeCheck>,
    /// The format and the dimensions of images.
    pub image: Option<ImageCheck>,
    /// The entries of archives.
    pub archive: Option<ArchiveCheck>,
    /// The scan for malware by clamd.
    pub clamd: Option<ClamdCheck>,
    /// The verdict of a scanner in a tag.
    pub tag: Option<TagCheck>,
    /// The scan by scanners with webhooks.
    pub webhook: Option<WebhookCheck>,
    /// The time in seconds after which a sweep removes a rejected draft, if it has not expired before. No verdict depends on
    /// it.
    #[serde(skip_serializing)]
    pub keep_rejected: Option<u64>,
}

/// The verdict of a scanner that works on the bucket by itself, and leaves it as a tag of the draft. The defaults are those of
/// `GuardDuty` Malware Protection for S3.
///
/// Source: <https://docs.aws.amazon.com/guardduty/latest/ug/monitoring-malware-protection-s3-scans-gdu.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagCheck {
    /// The key of the tag.
    pub key: String,
    /// The values that accept a draft.
    pub accepted: Vec<String>,
    /// The values that reject a draft. Any other value is no verdict, and another tag may follow.
    pub refused: Vec<String>,
}

impl Default for TagCheck {
    fn default() -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self {
            key: "GuardDutyMalwareScanStatus".to_owned(),
            accepted: texts(&["NO_THREATS_FOUND"]),
            refused: texts(&["THREATS_FOUND", "UNSUPPORTED"]),
        }
    }
}

/// The scan of a draft for malware by clamd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClamdCheck {
    /// The addresses of the daemons, `HOST:PORT` or `unix:/PATH`, in the order in which they are tried.
    #[serde(skip_serializing)]
    pub addresses: Vec<Address>,
    /// The size in bytes above which a draft is rejected, because clamd would not scan it whole. It must not exceed
    /// `StreamMaxLength`, `MaxFileSize` and `MaxScanSize` of any of the daemons. The default is that of clamd: 100 MiB.
    #[serde(default = "default_max_bytes")]
    pub max_bytes: u64,
}

const fn default_max_bytes() -> u64 {
    100 * 1024 * 1024
}

impl CheckSettings {
    /// Returns true if no check is on.
    pub fn is_empty(&self) -> bool {
        !self.is_scanned() && self.inspection().is_empty()
    }

    /// Returns true if the draft must be scanned.
    pub(crate) fn is_scanned(&self) -> bool {
        self.clamd.is_some() || self.tag.is_some() || self.webhook.is_some()
    }

    /// Returns the names of the checks that are on.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let Self {
            media_type,
            image,
            archive,
            clamd,
            tag,
            webhook,
            keep_rejected: _,
        } = self;
        let checks = [
            ("type", media_type.is_some()),
            ("image", image.is_some()),
            ("archive", archive.is_some()),
            ("clamd", clamd.is_some()),
            ("tag", tag.is_some()),
            ("webhook", webhook.is_some()),
        ];
        let on = checks.into_iter().filter(|(_, is_on)| *is_on);
        on.map(|(name, _)| name).collect()
    }

    /// Returns the checks that read a few ranges of the draft.
    pub(crate) fn inspection(&self) -> Settings {
        Settings {
            media_type: self.media_type.clone(),
            image: self.image.clone(),
            archive: self.archive.clone(),
        }
    }
}
