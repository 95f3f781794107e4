//! The headers and the user metadata of an upload, as the caller and the server agree on them.

use std::collections::BTreeMap;

use draftstore_protocol::confirm::Agreement;
use draftstore_storage::{Attributes, ObjectHeader};

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
    /// Validates the request, adds the headers of the profile, and records them all for the confirm.
    pub(super) fn agree(self, profile: &Profile, broken: &mut Violations) -> Attributes {
        let content_type = broken.take_optional(self.content_type.map(content_type));
        broken.take(profile.check_content_type(content_type.as_ref()));
        let mut attributes = Attributes {
            content_type,
            headers: profile.headers.clone(),
            metadata: self.metadata.clone(),
        };
        for (&header, value) in self.headers {
            broken.take(attributes.headers.set(header, value).map_err(|error| {
                // The value is not quoted: it may be long.
                Violation::new(header.as_str(), error.to_string())
            }));
        }
        broken.take(profile.check_headers(&attributes.headers));
        broken.take(metadata(self.metadata));
        Agreement::record(&mut attributes);
        attributes
    }
}
