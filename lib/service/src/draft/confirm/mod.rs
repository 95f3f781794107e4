//! Keeping a draft: the protocol by which bytes get from draft to main.
//!
//! A confirm must hold under everything that happens to distributed calls: the process dies between two of them, an
//! answer is lost, two backends confirm at once, a client uploads again in the middle. The store is the only state, so
//! the confirm leaves its trace there, in the same act that makes the object: a [`marker`] in main's metadata says
//! which version of which draft it was made from. Whatever is unclear is resolved by reading the marker, not by guessing.
//!
//! 1. HEAD the draft. If it is gone, or not the one pinned, and main's marker names it, an earlier confirm succeeded:
//!    answer as that one did.
//! 2. HEAD main. This draft's marker: go to 5. This confirm's idempotency key: answer as the earlier confirm did. Another
//!    object: refuse, unless it is to be replaced.
//! 3. Copy inside the store, with the marker, on condition that the draft still is the version that was looked at, and
//!    that main still is empty, or the version that is to be replaced.
//! 4. A refused condition, a conflict, a time-out or a lost answer: HEAD main. This draft's marker: it succeeded. Changed
//!    since 2: refuse. As it was: try again, a few times.
//! 5. HEAD main: size and checksum must be the draft's.
//! 6. Delete the draft, on condition that it still is that version. Failing here fails nothing: the sweep collects it.
//!
//! A crash after any step leaves either an untouched main, or a whole object with its marker; a repeated confirm
//! finishes the work. [`protocol`] holds these rules without any I/O; this file performs what it asks for.

mod limits;
mod marker;
mod protocol;

use std::str::FromStr;

use draftstore_storage::{CopyToMain, DraftVersion, ETag, IfDestination};

pub use limits::{ConfirmLimits, DEFAULT_CONFIRM_TIMEOUT, MAX_COPY_BYTES};
pub(super) use marker::MARKER_PREFIX;

use self::protocol::{Answer, Effect, Existing, Kept, Pins, Protocol, Step};
use super::issue_upload::{checksum, content_length};
use super::keys::Keys;
use super::{DraftId, Drafts, found};
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

/// Room for a UUID, a ULID or a hash in hex with a prefix: the key is kept in main's metadata, where room is short.
const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// Which draft to keep, as the caller said it: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct ConfirmUpload {
    /// See [`ObjectName`].
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

impl Drafts {
    /// Keeps a draft. Idempotent: any number of concurrent or repeated confirms have one effect and the same answer.
    ///
    /// Once begun it runs to its end, even if the caller goes away.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule; [`Error::NotFound`] when there is no such draft and
    /// none was confirmed; [`Error::PinMismatch`] when the draft is another version than the one pinned;
    /// [`Error::AlreadyExists`] when main holds another object; [`Error::StoreUnavailable`] when the store failed:
    /// the same confirm may then be sent again.
    pub async fn confirm(&self, request: &ConfirmUpload) -> Result<Confirmed, Error> {
        let mut broken = Violations::default();
        let name = broken.take(ObjectName::from_str(&request.object_name));
        let pins = Pins {
            if_match: broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text))),
            content_length: broken.take_optional(request.content_length.map(content_length)),
            checksum_sha256: broken.take_optional(request.checksum_sha256.as_deref().map(checksum)),
        };
        let existing = broken.take(existing(request));
        let idempotency_key = broken.take_optional(request.idempotency_key.as_deref().map(idempotency_key));
        let draft_id: Option<DraftId> = broken.take_optional(request.draft_id.as_deref().map(str::parse));
        let destination = broken.take_optional(request.destination_name.as_deref().map(destination));
        let (Some(name), Some(existing), []) = (name, existing, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };

        let keys = Keys::new(&name, draft_id, destination.as_ref());
        let final_location = format!("{}/{}", self.store.buckets.main.name(), keys.main);
        let drafts = self.clone();
        let running = self
            .confirms
            .spawn(async move { drafts.run_confirm(&keys, pins, existing, idempotency_key).await });
        let Kept { main, replayed } = running.await.map_err(|error| Error::Internal(Box::new(error)))??;
        Ok(Confirmed {
            final_location,
            etag: main.etag,
            size: main.size,
            content_type: main.attributes.content_type,
            replayed,
        })
    }

    async fn run_confirm(
        &self,
        keys: &Keys,
        pins: Pins,
        existing: Existing,
        idempotency_key: Option<String>,
    ) -> Result<Kept, Error> {
        let (mut protocol, mut effect) = Protocol::start(keys.draft.clone(), pins, existing, idempotency_key);
        loop {
            let answer = self.perform(keys, effect).await;
            match protocol.on(answer) {
                Step::Perform(next) => effect = next,
                Step::Finish(result) => return result,
            }
        }
    }

    async fn perform(&self, keys: &Keys, effect: Effect) -> Answer {
        let (draft, main) = (&self.store.buckets.draft, &self.store.buckets.main);
        match effect {
            Effect::HeadDraft => Answer::Head(found(self.store.storage.head(draft.name(), &keys.draft).await)),
            Effect::HeadMain => Answer::Head(found(self.store.storage.head(main.name(), &keys.main).await)),
            Effect::Copy {
                draft_etag,
                main_etag,
                attributes,
            } => {
                let copy = CopyToMain {
                    draft_bucket: draft,
                    draft_key: &keys.draft,
                    draft_etag: &draft_etag,
                    main_bucket: main,
                    main_key: &keys.main,
                    if_destination: main_etag.as_ref().map_or(IfDestination::Absent, IfDestination::Matches),
                    attributes: &attributes,
                };
                Answer::Copied(self.store.storage.copy_to_main(&copy).await)
            }
            Effect::DeleteDraft { draft_etag } => {
                let key = keys.draft.clone();
                let version = DraftVersion { key, etag: draft_etag };
                let deleted = self.store.storage.delete_draft(draft, &version).await;
                if let Err(error) = deleted {
                    tracing::warn!(object.key = %version.key, error = %error, "confirmed; its draft is left to the sweep");
                }
                Answer::Deleted
            }
        }
    }
}

fn destination(name: &str) -> Result<ObjectName, Violation> {
    name.parse()
        .map_err(|violation: Violation| Violation::new("destination_name", violation.rule))
}

fn existing(request: &ConfirmUpload) -> Result<Existing, Violation> {
    match (request.overwrite, &request.overwrite_if_match) {
        (false, None) => Ok(Existing::Keep),
        (false, Some(_)) => Err(Violation::new("overwrite_if_match", "must go with overwrite")),
        (true, None) => Ok(Existing::Replace(None)),
        (true, Some(text)) => etag("overwrite_if_match", text).map(Some).map(Existing::Replace),
    }
}

fn etag(field: &str, text: &str) -> Result<ETag, Violation> {
    let rule = "must be one ETag, in quotes or bare, not weak and not '*'";
    text.parse().map_err(|_| Violation::new(field, rule))
}

fn idempotency_key(key: &str) -> Result<String, Violation> {
    if (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        let rule = format!("must be 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters");
        Err(Violation::new("idempotency_key", rule))
    }
}
