//! Keeping a draft: the protocol by which bytes get from draft to main.
//!
//! A confirm must hold under everything that happens to distributed calls: the process dies between two of them, an
//! answer is lost, two backends confirm at once, a client uploads again in the middle. The store is the only state, so
//! the confirm leaves its trace there, in the same act that makes the object: a [`marker`] in main's metadata says
//! which version of which draft it was made from. Whatever is unclear is resolved by reading the marker, not by guessing.
//!
//! 1. HEAD the draft. If it is gone, or not the one pinned, and main's marker names it, an earlier confirm succeeded:
//!    answer as that one did.
//! 2. HEAD main. Another object: refuse. This draft's marker: go to 5.
//! 3. Copy inside the store, on condition that the draft still is the version that was looked at and that main is still
//!    empty, with the marker.
//! 4. A refused condition, a conflict, a time-out or a lost answer: HEAD main. This draft's marker: it succeeded.
//!    Another object: refuse. Nothing: try again, a few times.
//! 5. HEAD main: size and checksum must be the draft's.
//! 6. Delete the draft, on condition that it still is that version. Failing here fails nothing: the sweep collects it.
//!
//! A crash after any step leaves either an untouched main, or a whole object with its marker; a repeated confirm
//! finishes the work. [`protocol`] holds these rules without any I/O; this file performs what it asks for.

mod marker;
mod protocol;

use std::str::FromStr;

use draftstore_storage::{CopyToMain, DraftVersion, ETag, ErrorKind, IfDestination, ObjectInfo};

pub(super) use marker::MARKER_PREFIX;

use self::protocol::{Answer, Effect, Protocol, Step};
use super::keys::Keys;
use super::{DraftId, Drafts};
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

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
        let if_match = broken.take_optional(request.if_match.as_deref().map(etag));
        let draft_id: Option<DraftId> = broken.take_optional(request.draft_id.as_deref().map(str::parse));
        let destination = broken.take_optional(request.destination_name.as_deref().map(destination));
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };

        let keys = Keys::new(&name, draft_id, destination.as_ref());
        let final_location = format!("{}/{}", self.buckets.main.name(), keys.main);
        let drafts = self.clone();
        let running = tokio::spawn(async move { drafts.run_confirm(&keys, if_match).await });
        let main = running.await.map_err(|error| Error::Internal(Box::new(error)))??;
        Ok(Confirmed {
            final_location,
            etag: main.etag,
            size: main.size,
            content_type: main.attributes.content_type,
        })
    }

    async fn run_confirm(&self, keys: &Keys, if_match: Option<ETag>) -> Result<ObjectInfo, Error> {
        let (mut protocol, mut effect) = Protocol::start(keys.draft.clone(), if_match);
        loop {
            let answer = self.perform(keys, effect).await;
            match protocol.on(answer) {
                Step::Perform(next) => effect = next,
                Step::Finish(result) => return result,
            }
        }
    }

    async fn perform(&self, keys: &Keys, effect: Effect) -> Answer {
        let (draft, main) = (&self.buckets.draft, &self.buckets.main);
        match effect {
            Effect::HeadDraft => Answer::Head(found(self.storage.head(draft.name(), &keys.draft).await)),
            Effect::HeadMain => Answer::Head(found(self.storage.head(main.name(), &keys.main).await)),
            Effect::Copy { draft_etag, attributes } => {
                let copy = CopyToMain {
                    draft_bucket: draft,
                    draft_key: &keys.draft,
                    draft_etag: &draft_etag,
                    main_bucket: main,
                    main_key: &keys.main,
                    if_destination: IfDestination::Absent,
                    attributes: &attributes,
                };
                Answer::Copied(self.storage.copy_to_main(&copy).await)
            }
            Effect::DeleteDraft { draft_etag } => {
                let key = keys.draft.clone();
                let version = DraftVersion { key, etag: draft_etag };
                let deleted = self.storage.delete_draft(draft, &version).await;
                if let Err(error) = deleted {
                    tracing::warn!(object.key = %version.key, error = %error, "confirmed; its draft is left to the sweep");
                }
                Answer::Deleted
            }
        }
    }
}

/// An object that is not there is an observation, not an error.
fn found(head: Result<ObjectInfo, draftstore_storage::Error>) -> Result<Option<ObjectInfo>, draftstore_storage::Error> {
    match head {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn destination(name: &str) -> Result<ObjectName, Violation> {
    name.parse()
        .map_err(|violation: Violation| Violation::new("destination_name", violation.rule))
}

fn etag(text: &str) -> Result<ETag, Violation> {
    let rule = "must be one ETag, in quotes or bare, not weak and not '*'";
    text.parse().map_err(|_| Violation::new("if_match", rule))
}
