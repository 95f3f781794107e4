//! The request and the response of a confirm.

use draftstore_protocol::confirm::{Existing, Kept, MarkerDigests, Pins, RequestDigests};
use draftstore_storage::{ETag, MediaType, StorageOptions, VersionId};

use super::placed::OtherPlace;
use crate::draft::Drafts;
use crate::draft::draft_ref::Keys;
use crate::draft::options::{RequestedOptions, encode};
use crate::fields::{checksum, content_length, etag};
use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;
use crate::observer::{ConfirmEnded, ConfirmOutcome};
use crate::secrets::Secrets;
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

/// A request to confirm a draft, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ConfirmUpload {
    /// An [`ObjectName`], or the whole key of a unique draft, which includes its ID.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<String>,
    /// The name of the object in main. Defaults to the name of the draft.
    pub destination_name: Option<String>,
    /// The name of the destination. `None` is the main bucket.
    pub destination: Option<String>,
    /// The expected `ETag` of the draft.
    pub if_match: Option<String>,
    /// The expected size of the draft, in bytes.
    pub content_length: Option<i64>,
    /// The expected SHA-256 of the draft, in base64.
    pub checksum_sha256: Option<String>,
    /// `true` to replace an object under that name in main.
    pub overwrite: bool,
    /// The expected `ETag` of the object to replace.
    pub overwrite_if_match: Option<String>,
    /// The caller's key for this confirm. A repeat with the same key has the same result.
    pub idempotency_key: Option<String>,
    /// The options of the object in main, which win over those of its upload.
    pub options: RequestedOptions,
}

/// The object in main after a confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The bucket and the name, such as `main/file.jpg`.
    pub final_location: String,
    /// The version of the object.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The media type, if the object has one.
    pub content_type: Option<String>,
    /// `true` if an earlier confirm had copied the object, and this one repeats its result.
    pub replayed: bool,
    /// The ID of the version, if main has versions.
    pub version_id: Option<VersionId>,
    /// The ID of the version that this confirm replaced.
    pub replaced_version_id: Option<VersionId>,
}

/// A validated request.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) keys: Keys,
    pub(super) is_unique: bool,
    pub(super) pins: Pins,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
    /// The name of the destination.
    pub(super) destination: Option<String>,
    /// The other places in which the caller may have confirmed the draft.
    pub(super) others: Vec<OtherPlace>,
    /// The options of the request.
    pub(super) requested: StorageOptions,
    /// The options of the object: those of the request, and those of the caller's profile.
    pub(super) options: StorageOptions,
}

impl Checked {
    /// Returns the digests that each of the secrets gives, the current one's first.
    ///
    /// Each belongs to the key in main, so that the markers of two objects have nothing in common. The pins are no part of
    /// the request: they are compared with the object itself.
    pub(super) fn digests(&self, secrets: &Secrets) -> Vec<MarkerDigests> {
        let Keys { draft, main } = &self.keys;
        let (draft, main) = (draft.as_str(), main.as_str());
        let drafts = secrets.digests(&["draft", main, draft]).into_iter();
        let Some(key) = &self.idempotency_key else {
            let digests = |draft| MarkerDigests { draft, request: None };
            return drafts.map(digests).collect();
        };
        let [existing, etag] = match &self.existing {
            Existing::Keep => ["keep", ""],
            Existing::Replace(None) => ["replace", ""],
            Existing::Replace(Some(etag)) => ["replace", etag.as_str()],
        };
        let keys = secrets.digests(&["key", main, key]);
        let options = encode(&self.requested);
        let mut request = vec!["request", main, key, draft, existing, etag];
        request.extend((!options.is_empty()).then_some(options.as_str()));
        if let Some(destination) = &self.destination {
            request.extend(["destination", destination]);
        }
        let requests = secrets.digests(&request);
        let requests = keys.into_iter().zip(requests);
        let all = drafts.zip(requests);
        all.map(|(draft, (key, request))| MarkerDigests {
            draft,
            request: Some(RequestDigests { key, request }),
        })
        .collect()
    }
}

impl ConfirmUpload {
    /// Validates the request for the service at its destination. `base` is the service for the main bucket.
    pub(super) fn check(&self, drafts: &Drafts, base: &Drafts) -> Result<Checked, Error> {
        let mut broken = Violations::default();
        let draft = drafts.read_draft(&self.object_name, self.draft_id.as_deref(), &mut broken);
        broken.take(drafts.check_copyable(&self.object_name));
        let pins = Pins {
            if_match: broken.take_optional(self.if_match.as_deref().map(|text| etag("if_match", text))),
            content_length: broken.take_optional(self.content_length.map(content_length)),
            checksum_sha256: broken.take_optional(self.checksum_sha256.as_deref().map(checksum)),
        };
        let existing = broken.take(check_existing(self.overwrite, self.overwrite_if_match.as_deref()));
        let idempotency_key = broken.take_optional(self.idempotency_key.as_deref().map(idempotency_key));
        let requested = drafts.check_options(&self.options, &mut broken);
        let mut options = requested.clone();
        drafts.add_fixed_options(&mut options);
        let destination = broken.take_optional(self.destination_name.as_deref().map(|name| destination(name, drafts)));
        if let (Some(draft), None) = (&draft, &destination) {
            broken.take(drafts.check_length(&draft.name));
        }
        let (Some(draft), Some(existing), []) = (draft, existing, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        Ok(Checked {
            others: drafts.other_places(base, &draft, destination.as_ref()),
            destination: self.destination.clone(),
            is_unique: draft.id.is_some(),
            keys: drafts.keys(draft, destination.as_ref()),
            pins,
            existing,
            idempotency_key,
            requested,
            options,
        })
    }
}

/// Validates the treatment of an object that main already has.
pub(in crate::draft) fn check_existing(
    overwrite: bool,
    overwrite_if_match: Option<&str>,
) -> Result<Existing, Violation> {
    match (overwrite, overwrite_if_match) {
        (false, None) => Ok(Existing::Keep),
        (false, Some(_)) => Err(Violation::new(
            "overwrite_if_match",
            "must not be given without overwrite",
        )),
        (true, None) => Ok(Existing::Replace(None)),
        (true, Some(text)) => etag("overwrite_if_match", text).map(Some).map(Existing::Replace),
    }
}

impl Confirmed {
    pub(super) fn new(final_location: String, kept: Kept) -> Self {
        let Kept {
            main,
            replayed,
            replaced,
            ..
        } = kept;
        let content_type = main.attributes.content_type.as_deref();
        Self {
            final_location,
            etag: main.etag,
            size: main.size,
            content_type: content_type.map(|text| MediaType::of_stored(Some(text)).to_string()),
            replayed,
            version_id: main.version_id,
            replaced_version_id: replaced,
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
    let name = drafts.object_name(name);
    name.map_err(|violation| Violation::new("destination_name", violation.rule))
}

pub(in crate::draft) fn idempotency_key(key: &str) -> Result<String, Violation> {
    if (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        let rule = format!("must be 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters");
        Err(Violation::new("idempotency_key", rule))
    }
}
