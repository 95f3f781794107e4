//! What a caller asks of a confirm, and what it is answered.

use draftstore_protocol::confirm::{Existing, Kept, Pins};
use draftstore_storage::ETag;

use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::fields::{checksum, content_length, etag};
use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;
use crate::observer::{ConfirmEnded, ConfirmOutcome};
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

/// Which draft to keep, as the caller said it: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct ConfirmUpload {
    /// See [`ObjectName`]; or the whole key of a unique draft, which says its ID too.
    pub object_name: String,
    /// The draft, where it is a unique one.
    pub draft_id: Option<String>,
    /// The name to keep it under, where that is another.
    pub destination_name: Option<String>,
    /// The draft's `ETag` that the caller insists on.
    pub if_match: Option<String>,
    /// The draft's size in bytes that the caller insists on.
    pub content_length: Option<i64>,
    /// The draft's SHA-256, in base64, that the caller insists on.
    pub checksum_sha256: Option<String>,
    /// Whether to replace what main holds under the name.
    pub overwrite: bool,
    /// Main's `ETag` that the caller expects to replace.
    pub overwrite_if_match: Option<String>,
    /// The caller's own name for this confirm: a repeat under the same name is answered as the first was.
    pub idempotency_key: Option<String>,
}

/// What main holds after a confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Bucket and key, such as `main/file.jpg`.
    pub final_location: String,
    /// The object in main.
    pub etag: ETag,
    /// Size in bytes.
    pub size: u64,
    /// Media type, where it has one.
    pub content_type: Option<String>,
    /// Whether an earlier confirm had put it there, and this one only answers again.
    pub replayed: bool,
}

/// A request that breaks no rule.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) keys: Keys,
    pub(super) is_unique: bool,
    pub(super) pins: Pins,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
}

impl ConfirmUpload {
    pub(super) fn check(&self, drafts: &Drafts) -> Result<Checked, Error> {
        let mut broken = Violations::default();
        let draft = drafts.read_draft(&self.object_name, self.draft_id.as_deref(), &mut broken);
        let pins = Pins {
            if_match: broken.take_optional(self.if_match.as_deref().map(|text| etag("if_match", text))),
            content_length: broken.take_optional(self.content_length.map(content_length)),
            checksum_sha256: broken.take_optional(self.checksum_sha256.as_deref().map(checksum)),
        };
        let existing = broken.take(self.existing());
        let idempotency_key = broken.take_optional(self.idempotency_key.as_deref().map(idempotency_key));
        let destination = broken.take_optional(self.destination_name.as_deref().map(|name| destination(name, drafts)));
        let (Some(draft), Some(existing), []) = (draft, existing, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        Ok(Checked {
            is_unique: draft.id.is_some(),
            keys: drafts.keys(draft, destination.as_ref()),
            pins,
            existing,
            idempotency_key,
        })
    }

    fn existing(&self) -> Result<Existing, Violation> {
        match (self.overwrite, &self.overwrite_if_match) {
            (false, None) => Ok(Existing::Keep),
            (false, Some(_)) => Err(Violation::new("overwrite_if_match", "must go with overwrite")),
            (true, None) => Ok(Existing::Replace(None)),
            (true, Some(text)) => etag("overwrite_if_match", text).map(Some).map(Existing::Replace),
        }
    }
}

impl Confirmed {
    pub(super) fn new(final_location: String, kept: Kept) -> Self {
        let Kept { main, replayed } = kept;
        Self {
            final_location,
            etag: main.etag,
            size: main.size,
            content_type: main.attributes.content_type,
            replayed,
        }
    }
}

impl From<&Result<Confirmed, Error>> for ConfirmEnded {
    fn from(result: &Result<Confirmed, Error>) -> Self {
        let (outcome, bytes) = match result {
            Ok(confirmed) if confirmed.replayed => (ConfirmOutcome::Replayed, 0),
            Ok(confirmed) => (ConfirmOutcome::Kept, confirmed.size),
            Err(error) => (ConfirmOutcome::of(error), 0),
        };
        Self { outcome, bytes }
    }
}

fn destination(name: &str, drafts: &Drafts) -> Result<ObjectName, Violation> {
    let name = drafts.caller.name(name);
    name.map_err(|violation| Violation::new("destination_name", violation.rule))
}

fn idempotency_key(key: &str) -> Result<String, Violation> {
    if (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        let rule = format!("must be 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters");
        Err(Violation::new("idempotency_key", rule))
    }
}
