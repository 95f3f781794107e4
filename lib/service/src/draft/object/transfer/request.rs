//! The requests to copy, to move and to update a confirmed object.

use std::collections::BTreeMap;

use draftstore_protocol::confirm::Existing;
use draftstore_protocol::kept::{Changes, Removed, TransferKind};
use draftstore_storage::{ETag, ObjectHeader, ObjectKey, StorageOptions, VersionId};

use crate::draft::Drafts;
use crate::draft::attributes::RequestedAttributes;
use crate::draft::confirm::{check_existing, idempotency_key};
use crate::draft::options::{RequestedOptions, encode};
use crate::fields::{etag, metadata, version_id};
use crate::limits::MAX_REMOVED;
use crate::violation::Violations;
use crate::{Error, ObjectName, Violation};

/// A request to copy or to move a confirmed object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct CopyObject {
    /// The name of the object.
    pub object_name: String,
    /// The name of the copy.
    pub destination_name: String,
    /// The expected `ETag` of the object.
    pub if_match: Option<String>,
    /// `true` to replace an object under the name of the copy.
    pub overwrite: bool,
    /// The expected `ETag` of the object to replace.
    pub overwrite_if_match: Option<String>,
    /// The caller's key for this call. A repeat with the same key has the same result.
    pub idempotency_key: Option<String>,
    /// The options of the copy, instead of those of the object.
    pub options: RequestedOptions,
}

/// A request to change the attributes of a confirmed object, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateObject {
    /// The name of the object.
    pub object_name: String,
    /// The expected `ETag` of the object.
    pub if_match: Option<String>,
    /// The media type to set.
    pub content_type: Option<String>,
    /// The other headers to set.
    pub headers: BTreeMap<ObjectHeader, String>,
    /// The user metadata to set.
    pub metadata: BTreeMap<String, String>,
    /// The options to set.
    pub options: RequestedOptions,
    /// The attributes to remove: the fields of headers, `metadata.NAME` and `tags`.
    pub remove: Vec<String>,
    /// The ID of the version to change, of which only the legal hold can be changed. `None` is the current one.
    pub version_id: Option<String>,
}

/// A validated request.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) source: ObjectKey,
    pub(super) destination: ObjectKey,
    pub(super) kind: TransferKind,
    pub(super) if_match: Option<ETag>,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
    pub(super) changes: Changes,
}

/// A validated change of the legal hold of a version.
#[derive(Debug)]
pub(super) struct VersionHold {
    pub(super) name: ObjectName,
    pub(super) version: VersionId,
    pub(super) if_match: Option<ETag>,
    pub(super) options: StorageOptions,
    pub(super) is_held: bool,
}

impl Drafts {
    pub(super) fn check_copy(&self, request: &CopyObject, kind: TransferKind) -> Result<Checked, Error> {
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let destination = self.object_name(&request.destination_name);
        let destination =
            broken.take(destination.map_err(|violation| Violation::new("destination_name", violation.rule)));
        if name.is_some() && name == destination {
            let rule = "must be another name than the object_name: an update changes an object in place";
            broken.take::<()>(Err(Violation::new("destination_name", rule)));
        }
        let if_match = broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text)));
        let existing = broken.take(check_existing(request.overwrite, request.overwrite_if_match.as_deref()));
        let key = broken.take_optional(request.idempotency_key.as_deref().map(idempotency_key));
        let options = self.check_options(&request.options, &mut broken);
        let (Some(name), Some(destination), Some(existing), []) = (name, destination, existing, broken.as_slice())
        else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        Ok(Checked {
            source: self.main_key(&name),
            destination: self.main_key(&destination),
            name: destination.to_string(),
            kind,
            if_match,
            existing,
            idempotency_key: key,
            changes: Changes {
                options,
                ..Changes::default()
            },
        })
    }

    pub(super) fn check_update(&self, request: &UpdateObject) -> Result<Checked, Error> {
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let if_match = broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text)));
        let requested = RequestedAttributes {
            content_type: request.content_type.as_deref(),
            headers: &request.headers,
            metadata: &request.metadata,
        };
        let attributes = requested.change(&self.caller.profile, &mut broken);
        let options = self.check_options(&request.options, &mut broken);
        if request.remove.len() > MAX_REMOVED {
            broken.take::<()>(Err(Violation::new("remove", format!("must be at most {MAX_REMOVED}"))));
        }
        let removed = request.remove.iter().take(MAX_REMOVED).enumerate();
        let removed = removed.filter_map(|(place, field)| Some((broken.take(self.removed(place, field))?, place)));
        let removed: BTreeMap<_, _> = removed.collect();
        for (field, place) in &removed {
            let is_set = match field {
                Removed::Header(header) => attributes.headers.get(*header).is_some(),
                Removed::Metadata(name) => attributes.metadata.contains_key(name),
                Removed::Tags => !options.tags.is_empty(),
            };
            if is_set {
                let rule = "must not be a field that the same update sets";
                broken.take::<()>(Err(Violation::new(format!("remove[{place}]"), rule)));
            }
        }
        let changes = Changes {
            removed: removed.into_keys().collect(),
            content_type: attributes.content_type,
            headers: attributes.headers,
            metadata: attributes.metadata,
            options,
        };
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let key = self.main_key(&name);
        Ok(Checked {
            name: name.to_string(),
            source: key.clone(),
            destination: key,
            kind: TransferKind::Update,
            if_match,
            existing: Existing::Keep,
            idempotency_key: None,
            changes,
        })
    }

    pub(super) fn check_hold(&self, request: &UpdateObject, version: &str) -> Result<VersionHold, Error> {
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let version = broken.take(version_id(version));
        let if_match = broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text)));
        let options = self.check_options(&request.options, &mut broken);
        let hold_alone = UpdateObject {
            object_name: request.object_name.clone(),
            if_match: request.if_match.clone(),
            version_id: request.version_id.clone(),
            options: RequestedOptions {
                legal_hold: request.options.legal_hold,
                ..RequestedOptions::default()
            },
            ..UpdateObject::default()
        };
        if *request != hold_alone || options.legal_hold.is_none() {
            let rule =
                "must be left out, or only storage_options.legal_hold be changed: nothing else of a version can be";
            broken.take::<()>(Err(Violation::new("version_id", rule)));
        }
        match (name, version, options.legal_hold, broken.as_slice()) {
            (Some(name), Some(version), Some(is_held), []) => Ok(VersionHold {
                name,
                version,
                if_match,
                options,
                is_held,
            }),
            _ => Err(Error::Invalid(broken.into_vec())),
        }
    }

    /// Parses the field of an attribute to remove. What the profile sets stays.
    fn removed(&self, place: usize, field: &str) -> Result<Removed, Violation> {
        let profile = &self.caller.profile;
        let is_set = |is_set: bool| is_set.then(|| format!("must not be what {} sets", profile.described()));
        let (removed, is_set) = match (ObjectHeader::of_name(field), field.strip_prefix("metadata.")) {
            (Some(header), _) => (
                Some(Removed::Header(header)),
                is_set(profile.headers.get(header).is_some()),
            ),
            (None, Some(name)) if metadata(&BTreeMap::from([(name.to_owned(), "x".to_owned())])).is_ok() => {
                (Some(Removed::Metadata(name.to_owned())), None)
            }
            (None, None) if field == "tags" => (Some(Removed::Tags), is_set(!profile.fixed_options.tags().is_empty())),
            (None, Some(_) | None) => (None, None),
        };
        let rule = is_set.or_else(|| {
            let headers = ObjectHeader::NAMES.join("', '");
            let rule = format!(
                "must be 'metadata.' and a name, 'tags', or a header: '{headers}'. A legal hold is released by \
                 storage_options.legal_hold"
            );
            removed.is_none().then_some(rule)
        });
        match (removed, rule) {
            (Some(removed), None) => Ok(removed),
            (_, rule) => Err(Violation::new(format!("remove[{place}]"), rule.unwrap_or_default())),
        }
    }
}

impl Checked {
    /// Returns the changes as a text that no other changes have.
    pub(super) fn described(&self) -> String {
        let Changes {
            content_type,
            headers,
            metadata,
            options,
            removed,
        } = &self.changes;
        let content_type = content_type.as_ref().map(ToString::to_string);
        format!(
            "{content_type:?} {headers:?} {metadata:?} {removed:?} {}",
            encode(options)
        )
    }
}
