//! The headers and the user metadata of an upload, as the caller and the server agree on them.
//!
//! Every upload URL is signed with the record of the agreement, and every draft is read with its record authenticated.

use std::collections::BTreeMap;

use draftstore_protocol::confirm::Agreement;
use draftstore_storage::{Attributes, Error as StorageError, ObjectHeader, ObjectInfo, ObjectKey, StorageOptions};

use super::{Drafts, found};
use crate::Violation;
use crate::caller::Profile;
use crate::fields::{content_type, metadata};
use crate::violation::Violations;

/// The headers and the user metadata of a request, not yet validated.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestedAttributes<'a> {
    pub(super) content_type: Option<&'a str>,
    pub(super) headers: &'a BTreeMap<ObjectHeader, String>,
    pub(super) metadata: &'a BTreeMap<String, String>,
}

impl RequestedAttributes<'_> {
    /// Validates the request, and adds the headers of the profile.
    pub(super) fn agree(self, profile: &Profile, broken: &mut Violations) -> Attributes {
        let content_type = broken.take_optional(self.content_type.map(content_type));
        broken.take(profile.check_content_type(content_type.as_ref()));
        let mut attributes = Attributes {
            content_type,
            headers: profile.headers.clone(),
            metadata: self.metadata.clone(),
            options: StorageOptions::NONE,
        };
        for (&header, value) in self.headers {
            broken.take(attributes.headers.set(header, value).map_err(|error| {
                // The value is not quoted: it may be long.
                Violation::new(header.as_str(), error.to_string())
            }));
        }
        broken.take(profile.check_headers(&attributes.headers));
        broken.take(metadata(self.metadata));
        attributes
    }

    /// Validates a change of an object, which may leave out everything.
    pub(super) fn change(self, profile: &Profile, broken: &mut Violations) -> Attributes {
        let content_type = broken.take_optional(self.content_type.map(content_type));
        if content_type.is_some() {
            broken.take(profile.check_content_type(content_type.as_ref()));
        }
        let mut attributes = Attributes {
            content_type,
            metadata: self.metadata.clone(),
            ..Attributes::default()
        };
        for (&header, value) in self.headers {
            let set = attributes.headers.set(header, value);
            broken.take(set.map_err(|error| Violation::new(header.as_str(), error.to_string())));
        }
        for (header, value) in profile.headers.iter() {
            if attributes.headers.get(header).is_some_and(|set| set != value) {
                broken.take(profile.check_headers(&attributes.headers));
            }
        }
        broken.take(metadata(self.metadata));
        attributes
    }
}

impl Drafts {
    /// Adds the record of what was agreed for this draft.
    pub(super) fn record(&self, attributes: &mut Attributes, draft: &ObjectKey) {
        Agreement::record(attributes, |header, value| {
            self.shared.secrets.current().agreement(draft, header, value).remove(0)
        });
    }

    /// Returns the metadata of a draft with an authentic record of what was agreed, or `None` if it does not exist.
    ///
    /// Drafts are read here alone. A draft that is read otherwise has no agreed headers.
    pub(super) async fn head_draft(&self, draft: &ObjectKey) -> Result<Option<ObjectInfo>, StorageError> {
        let bucket = self.shared.store.buckets.draft.name();
        let mut found = found(self.shared.store.objects().head(bucket, draft).await)?;
        if let Some(info) = &mut found {
            let secrets = self.shared.secrets.current();
            info.attributes.agreed_options = self.open_options(&info.attributes.metadata, draft).map(Box::new);
            Agreement::authenticate(&mut info.attributes, |header, value| {
                secrets.agreement(draft, header, value)
            });
        }
        Ok(found)
    }
}
