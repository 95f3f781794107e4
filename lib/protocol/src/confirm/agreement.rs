//! The agreement on an upload: the headers that were set when it was issued, and so the headers that a confirm keeps.
//!
//! An uploader can send any header that its URL does not sign, and the store keeps it. So the server signs
//! a record of the headers that it agreed to, as metadata. The store refuses an upload without the record, or with
//! another value of a signed header, and `x-amz-*` headers that are not signed: what an object has beyond its record was
//! added by the uploader, and so was a header of an object without a record. That is the basis of the record. It has no
//! authentication of its own, and a store that takes unsigned metadata takes an invented record too.

use std::collections::BTreeMap;

use draftstore_storage::{Attributes, MediaType, ObjectHeader, ObjectHeaders, StoredAttributes};

use super::marker::MARKER_PREFIX;

/// The metadata name of the record: the names of the headers, separated by commas.
const RECORD: &str = "draftstore-agreed";

/// The attributes of a draft, divided by a confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The attributes that a confirm keeps.
    pub kept: Attributes,
    /// The headers that a confirm drops, by the names of their fields, with the values that they have.
    pub dropped: BTreeMap<&'static str, String>,
}

/// The field of the media type among the dropped headers.
const CONTENT_TYPE: &str = "content_type";

impl Agreement {
    /// Adds the record of the headers to the attributes of an upload that is issued. Without headers there is none.
    pub fn record(attributes: &mut Attributes) {
        let names: Vec<_> = attributes.headers.iter().map(|(header, _)| header.as_str()).collect();
        if !names.is_empty() {
            attributes.metadata.insert(RECORD.to_owned(), names.join(","));
        }
    }

    /// Divides the attributes of a draft.
    ///
    /// - The media type is kept if it can be parsed. It was signed if one was agreed on, and is the uploader's otherwise.
    ///   Another becomes [`MediaType::OCTET_STREAM`]: a refusal would leave a draft that nobody can confirm.
    /// - Another header is kept if the record names it and its value can be parsed.
    /// - Metadata is kept, without the server's own.
    pub fn of(stored: &StoredAttributes) -> Self {
        let mut dropped = BTreeMap::new();
        let content_type = stored.content_type.as_deref().map(|text| {
            text.parse().unwrap_or_else(|_| {
                dropped.insert(CONTENT_TYPE, text.to_owned());
                MediaType::OCTET_STREAM.clone()
            })
        });
        let record = stored.metadata.get(RECORD).map_or("", String::as_str);
        let is_agreed = |header: ObjectHeader| record.split(',').any(|name| name == header.as_str());
        let mut headers = ObjectHeaders::NONE;
        for (&header, value) in &stored.headers {
            if !is_agreed(header) || headers.set(header, value).is_err() {
                dropped.insert(header.as_str(), value.clone());
            }
        }
        let metadata = stored
            .metadata
            .iter()
            .filter(|(name, _)| !name.starts_with(MARKER_PREFIX));
        let kept = Attributes {
            content_type,
            headers,
            metadata: metadata.map(|(name, value)| (name.clone(), value.clone())).collect(),
        };
        Self { kept, dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued() -> Attributes {
        let mut headers = ObjectHeaders::NONE;
        headers
            .set(ObjectHeader::CacheControl, "max-age=60")
            .expect("a valid value");
        let mut attributes = Attributes {
            content_type: "image/png".parse().ok(),
            headers,
            metadata: [("author".to_owned(), "ada".to_owned())].into(),
        };
        Agreement::record(&mut attributes);
        attributes
    }

    #[test]
    fn what_was_agreed_is_kept() {
        let issued = issued();
        let Agreement { kept, dropped } = Agreement::of(&issued.clone().into());
        assert_eq!((kept.content_type, kept.headers), (issued.content_type, issued.headers));
        assert_eq!(kept.metadata, [("author".to_owned(), "ada".to_owned())].into());
        assert_eq!(dropped, BTreeMap::new());
    }

    #[test]
    fn every_header_that_an_uploader_adds_is_dropped() {
        for issued in [issued(), Attributes::default()] {
            let mut stored = StoredAttributes::from(issued.clone());
            let added = [
                (ObjectHeader::CacheControl, "public, immutable"),
                (ObjectHeader::ContentDisposition, "attachment; filename=\"setup.exe\""),
                (ObjectHeader::ContentEncoding, "gzip"),
                (ObjectHeader::ContentLanguage, "de"),
                (ObjectHeader::Expires, "Thu, 31 Dec 2026 23:59:59 GMT"),
            ];
            assert_eq!(added.len(), ObjectHeader::ALL.len());
            for (header, value) in added {
                stored.headers.entry(header).or_insert_with(|| value.to_owned());
            }
            let Agreement { kept, dropped } = Agreement::of(&stored);
            assert_eq!(kept.headers, issued.headers);
            assert_eq!(dropped.len(), ObjectHeader::ALL.len() - issued.headers.iter().count());
        }
    }

    #[test]
    fn media_type_that_cannot_be_parsed_is_dropped() {
        let stored = StoredAttributes {
            content_type: Some("image/png;,text/html".to_owned()),
            ..StoredAttributes::default()
        };
        let Agreement { kept, dropped } = Agreement::of(&stored);
        assert_eq!(kept.content_type, Some(MediaType::OCTET_STREAM.clone()));
        assert_eq!(dropped, [("content_type", "image/png;,text/html".to_owned())].into());
        assert_eq!(Agreement::of(&StoredAttributes::default()).kept, Attributes::default());
    }

    #[test]
    fn metadata_of_the_server_is_not_kept() {
        let mut stored = StoredAttributes::from(issued());
        stored
            .metadata
            .insert("draftstore-idempotency-key".to_owned(), "x".to_owned());
        let kept = Agreement::of(&stored).kept.metadata;
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), ["author"]);
    }
}
