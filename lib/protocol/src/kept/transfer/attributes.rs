//! The attributes of the object that a transfer makes.

use std::collections::{BTreeMap, BTreeSet};

use draftstore_storage::{Attributes, MediaType, ObjectHeader, ObjectHeaders, StorageOptions};

use super::{Source, Transfer, TransferKind};
use crate::confirm::{mark_copied, mark_updated};

/// The attributes that the new object has instead of those of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Changes {
    /// The media type to set.
    pub content_type: Option<MediaType>,
    /// The other headers to set.
    pub headers: ObjectHeaders,
    /// The user metadata to set.
    pub metadata: BTreeMap<String, String>,
    /// The options to set.
    pub options: StorageOptions,
    /// The attributes to remove.
    pub removed: BTreeSet<Removed>,
}

/// An attribute to remove.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Removed {
    /// A header other than the media type.
    Header(ObjectHeader),
    /// The user metadata of this name.
    Metadata(String),
    /// All tags of the object.
    Tags,
}

impl Transfer {
    /// Returns the complete attributes of the new object, with the mark of this request.
    pub(super) fn new_attributes(&self, source: &Source) -> Attributes {
        let stored = &source.info.attributes;
        let changes = &self.changes;
        let content_type = stored.content_type.as_deref();
        let mut attributes = Attributes {
            content_type: changes
                .content_type
                .clone()
                .or_else(|| content_type.map(|text| MediaType::of_stored(Some(text)))),
            headers: ObjectHeaders::NONE,
            metadata: stored.metadata.clone(),
            options: self.new_options(source),
        };
        for (&header, value) in &stored.headers {
            if !changes.removed.contains(&Removed::Header(header)) {
                // What the store holds and nobody can parse is not written again.
                let _ = attributes.headers.set(header, value);
            }
        }
        attributes.headers.extend(&changes.headers);
        for removed in &changes.removed {
            if let Removed::Metadata(name) = removed {
                attributes.metadata.remove(name);
            }
        }
        attributes.metadata.extend(changes.metadata.clone());
        let metadata = &mut attributes.metadata;
        match self.kind {
            TransferKind::Update => mark_updated(metadata, &self.request),
            TransferKind::Copy | TransferKind::Move => {
                let (origin, key) = (source.origin.as_deref(), self.key.as_ref());
                mark_copied(metadata, origin, &self.request, key, &source.info.etag);
            }
        }
        attributes
    }

    /// Returns the options of the new object. A copy is not protected like its source, which stays.
    fn new_options(&self, source: &Source) -> StorageOptions {
        let mut options = source.options.clone();
        if self.kind == TransferKind::Copy {
            options.legal_hold = None;
            options.retention = None;
        }
        options.retention = options.retention.filter(|retention| retention.until > self.now);
        if self.changes.removed.contains(&Removed::Tags) {
            options.tags.clear();
        }
        options.extend(&self.changes.options);
        options
    }
}
