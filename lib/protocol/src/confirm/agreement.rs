//! The agreement on an upload: the headers that were set when it was issued, and so the headers that a confirm keeps.
//!
//! An uploader can send any header that its URL does not sign, and the store keeps it. So the server signs
//! a record of the headers that it agreed to, as metadata. What an object has beyond its record was added by the
//! uploader, and so was a header of an object without a record.
//!
//! The record has a keyed digest of each header, its value and the draft's key, so that nobody else can write one, even
//! where a store takes metadata that is not signed. Only a record that was authenticated counts.

use std::collections::BTreeMap;

use draftstore_storage::{Attributes, MediaType, ObjectHeader, ObjectHeaders, StoredAttributes};

use super::marker::{MARKER_PREFIX, MarkerDigest};

/// The metadata name of the record: the names of the headers with their digests, separated by commas.
const RECORD: &str = "draftstore-agreed";

/// The name of a record that was authenticated. No header of HTTP can have it, so no store returns it.
const AUTHENTIC: &str = "draftstore agreed";

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
    /// Adds the record of the headers to the attributes of an upload that is issued. `digest` makes the keyed digest of a
    /// header with its value. Without headers there is no record.
    pub fn record(attributes: &mut Attributes, digest: impl Fn(ObjectHeader, &str) -> MarkerDigest) {
        let headers = attributes.headers.iter();
        let entries: Vec<_> = headers
            .map(|(header, value)| format!("{}={}", header.as_str(), digest(header, value).as_str()))
            .collect();
        if !entries.is_empty() {
            attributes.metadata.insert(RECORD.to_owned(), entries.join(","));
        }
    }

    /// Authenticates the record of a draft that was read from the store: keeps the headers whose digest is among those that
    /// `digests` makes. Without this step, [`Agreement::of`] keeps no header.
    pub fn authenticate(stored: &mut StoredAttributes, digests: impl Fn(ObjectHeader, &str) -> Vec<MarkerDigest>) {
        stored.metadata.remove(AUTHENTIC);
        let Some(record) = stored.metadata.remove(RECORD) else {
            return;
        };
        let is_authentic = |(name, digest): (&str, &str)| {
            let header = ObjectHeader::of_name(name)?;
            // The digest is that of the value in canonical form, as it was signed. A store may write it in another.
            let mut parsed = ObjectHeaders::NONE;
            parsed.set(header, stored.headers.get(&header)?).ok()?;
            let digests = digests(header, parsed.get(header)?);
            digests
                .iter()
                .any(|own| own.as_str() == digest)
                .then_some(header.as_str())
        };
        let entries = record.split(',').filter_map(|entry| entry.split_once('='));
        let names: Vec<_> = entries.filter_map(is_authentic).collect();
        if !names.is_empty() {
            stored.metadata.insert(AUTHENTIC.to_owned(), names.join(","));
        }
    }

    /// Divides the attributes of a draft, whose record was authenticated.
    ///
    /// - The media type is kept if it can be parsed. It was signed if one was agreed on, and is the uploader's otherwise.
    ///   Another becomes [`MediaType::OCTET_STREAM`]: a refusal would leave a draft that nobody can confirm.
    /// - Another header is kept if the record names it and its value can be parsed.
    /// - Metadata is kept, without the server's own.
    /// - The options that were agreed on are kept. Those that the uploader set on the draft are not.
    pub fn of(stored: &StoredAttributes) -> Self {
        let mut dropped = BTreeMap::new();
        let content_type = stored.content_type.as_deref().map(|text| {
            text.parse().unwrap_or_else(|_| {
                dropped.insert(CONTENT_TYPE, text.to_owned());
                MediaType::OCTET_STREAM.clone()
            })
        });
        let record = stored.metadata.get(AUTHENTIC).map_or("", String::as_str);
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
            .filter(|(name, _)| !name.starts_with(MARKER_PREFIX) && *name != AUTHENTIC);
        let kept = Attributes {
            content_type,
            headers,
            metadata: metadata.map(|(name, value)| (name.clone(), value.clone())).collect(),
            options: stored.agreed_options.as_deref().cloned().unwrap_or_default(),
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
            ..Attributes::default()
        };
        Agreement::record(&mut attributes, digest);
        attributes
    }

    /// Makes a digest of a header for the draft of these tests.
    fn digest(header: ObjectHeader, value: &str) -> MarkerDigest {
        let mut bytes = [0; 32];
        for (place, byte) in format!("{}:{value}", header.as_str()).bytes().take(32).enumerate() {
            bytes[place] = byte;
        }
        MarkerDigest::new(bytes)
    }

    fn authenticated(mut stored: StoredAttributes) -> StoredAttributes {
        Agreement::authenticate(&mut stored, |header, value| vec![digest(header, value)]);
        stored
    }

    #[test]
    fn what_was_agreed_is_kept() {
        let issued = issued();
        let Agreement { kept, dropped } = Agreement::of(&authenticated(issued.clone().into()));
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
            let Agreement { kept, dropped } = Agreement::of(&authenticated(stored));
            assert_eq!(kept.headers, issued.headers);
            assert_eq!(dropped.len(), ObjectHeader::ALL.len() - issued.headers.iter().count());
        }
    }

    #[test]
    fn record_that_the_server_did_not_write_counts_for_nothing() {
        let signed = StoredAttributes::from(issued());
        let own = signed.metadata[RECORD].clone();
        let other = own.replace("cache_control", "content_encoding");
        for (header, value, record) in [
            (ObjectHeader::CacheControl, "public, immutable", own.as_str()),
            (ObjectHeader::ContentEncoding, "gzip", own.as_str()),
            (ObjectHeader::ContentEncoding, "gzip", other.as_str()),
            (ObjectHeader::ContentEncoding, "gzip", "content_encoding"),
            (ObjectHeader::ContentEncoding, "gzip", "content_encoding="),
        ] {
            for name in [RECORD, AUTHENTIC] {
                let stored = StoredAttributes {
                    headers: [(header, value.to_owned())].into(),
                    metadata: [(name.to_owned(), record.to_owned())].into(),
                    ..StoredAttributes::default()
                };
                let Agreement { kept, dropped } = Agreement::of(&authenticated(stored));
                assert!(kept.headers.is_empty(), "{name}: {record}: {kept:?}");
                assert_eq!(dropped, [(header.as_str(), value.to_owned())].into());
            }
        }
        assert!(Agreement::of(&signed).kept.headers.is_empty(), "not authenticated");
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
