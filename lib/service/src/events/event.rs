//! An event in its JSON form, that of `CloudEvents` 1.0.
//!
//! Source: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>

use std::str::FromStr;
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use draftstore_protocol::confirm::MARKER_PREFIX;
use draftstore_protocol::events::EventId;
use draftstore_storage::{BucketName, ObjectInfo, closed_set};
use serde_json::{Map, Value, json};

use crate::caller::Tenant;

closed_set! {
    /// The kind of an event.
    pub enum EventKind {
        /// The upload of a draft has finished.
        DraftUploaded = "draft.uploaded",
        /// The checks of a draft accepted it.
        DraftAccepted = "draft.accepted",
        /// The checks of a draft rejected it.
        DraftRejected = "draft.rejected",
        /// A draft was confirmed.
        DraftConfirmed = "draft.confirmed",
        /// A draft was discarded.
        DraftDiscarded = "draft.discarded",
        /// A draft has expired, and was swept.
        DraftExpired = "draft.expired",
        /// A confirmed object was deleted.
        ObjectDeleted = "object.deleted",
        /// A version of a confirmed object was deleted for good.
        ObjectVersionDeleted = "object.version_deleted",
        /// The attributes of a confirmed object were changed.
        ObjectUpdated = "object.updated",
        /// A confirmed object was copied.
        ObjectCopied = "object.copied",
        /// A confirmed object was moved.
        ObjectMoved = "object.moved",
        /// A version of a confirmed object was made the current one again.
        ObjectRestored = "object.restored",
    }
}

/// The error of a text that is not the kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", EventKind::NAMES.join(", "))]
pub struct UnknownEventKind;

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
        let kinds = Self::ALL.iter().copied();
        kinds
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownEventKind)
    }
}

/// An event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) kind: EventKind,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) json: Bytes,
}

impl Event {
    /// Parses an event in its JSON form. Returns `None` if it is not an event of this server.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let tenant = value["data"].get("tenant").map(|tenant| tenant.as_str()?.parse().ok());
        Some(Self {
            id: value["id"].as_str()?.parse().ok()?,
            kind: value["type"].as_str()?.parse().ok()?,
            tenant: match tenant {
                Some(tenant) => Some(tenant?),
                None => None,
            },
            json: value.to_string().into(),
        })
    }

    /// Returns the name of the draft or the object, relative to the tenant.
    pub(crate) fn subject(&self) -> String {
        let subject = self.to_value();
        subject["subject"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the JSON form.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }

    /// Returns the event with names relative to a tenant, of whose keys its name was one.
    pub(crate) fn in_tenant(self, tenant: Tenant) -> Self {
        let mut value = self.to_value();
        for name in ["/subject", "/data/object_name", "/data/draft_name"] {
            if let Some(Value::String(name)) = value.pointer_mut(name)
                && let Some(relative) = name.strip_prefix(tenant.prefix())
            {
                *name = relative.to_owned();
            }
        }
        value["data"]["tenant"] = json!(tenant.as_str());
        Self {
            json: value.to_string().into(),
            tenant: Some(tenant),
            ..self
        }
    }

    /// Adds fields to the data of the event.
    #[must_use]
    pub(crate) fn with(self, fields: Fields) -> Self {
        if fields.is_empty() {
            return self;
        }
        let mut value = self.to_value();
        for (name, field) in fields {
            if let Some(field) = field {
                value["data"][name] = field;
            }
        }
        let json = value.to_string().into();
        Self { json, ..self }
    }
}

/// The facts of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventFacts<'a> {
    pub(crate) kind: EventKind,
    pub(crate) at: SystemTime,
    pub(crate) bucket: &'a BucketName,
    pub(crate) tenant: Option<&'a Tenant>,
    /// The name of the draft or the object, relative to the tenant.
    pub(crate) object_name: &'a str,
    /// The parts that tell the act from every other one.
    pub(crate) act: &'a [&'a str],
}

/// The fields of an event's data. A field without a value is left out.
pub(crate) type Fields = Vec<(&'static str, Option<Value>)>;

/// Returns the fields of a draft or an object. Its metadata is that which was agreed on, without the server's own.
pub(crate) fn object_fields(object: &ObjectInfo) -> Fields {
    let metadata = object.attributes.metadata.iter();
    let metadata: Map<_, _> = metadata
        .filter(|(name, _)| !name.starts_with(MARKER_PREFIX))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    vec![
        ("size", Some(json!(object.size))),
        ("etag", Some(json!(object.etag.as_str()))),
        (
            "content_type",
            object.attributes.content_type.as_ref().map(|text| json!(text)),
        ),
        ("version_id", object.version_id.as_ref().map(|id| json!(id.to_string()))),
        ("metadata", (!metadata.is_empty()).then_some(Value::Object(metadata))),
    ]
}

impl EventFacts<'_> {
    /// Makes the event, with further fields of its data.
    pub(crate) fn with(&self, fields: Fields) -> Event {
        let id = self.id();
        let own = [
            ("object_name", Some(json!(self.object_name))),
            ("tenant", self.tenant.map(|tenant| json!(tenant.as_str()))),
        ];
        let data: Map<_, _> = own
            .into_iter()
            .chain(fields)
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        let event = json!({
            "specversion": "1.0",
            "id": id.to_string(),
            "type": self.kind.as_str(),
            "source": format!("/buckets/{}", self.bucket),
            "subject": self.object_name,
            "time": rfc3339(id.at()),
            "datacontenttype": "application/json",
            "data": data,
        });
        Event {
            id,
            kind: self.kind,
            tenant: self.tenant.cloned(),
            json: event.to_string().into(),
        }
    }

    fn id(&self) -> EventId {
        EventId::new(self.at, act_digest(self.kind, self.bucket, self.act))
    }
}

/// Returns a digest of an act, by the parts that tell it from every other one of its kind.
pub(crate) fn act_digest(kind: EventKind, bucket: &BucketName, act: &[&str]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    for part in [kind.as_str(), bucket.as_str()].iter().chain(act) {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let digest = digest.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn rfc3339(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::StoredAttributes;

    use super::*;

    #[test]
    fn event_is_a_cloud_event_with_the_facts_of_its_object() {
        let object = ObjectInfo {
            etag: "abc".parse().expect("an ETag"),
            size: 7,
            last_modified: UNIX_EPOCH,
            etag_is_md5: true,
            version_id: None,
            checksum_sha256: None,
            attributes: StoredAttributes {
                content_type: Some("image/png".to_owned()),
                metadata: [("order", "42"), ("draftstore-draft", "of the server")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ..StoredAttributes::default()
            },
        };
        let tenant = "t1".parse().expect("a tenant");
        let facts = EventFacts {
            kind: EventKind::DraftConfirmed,
            at: UNIX_EPOCH + Duration::from_millis(1_800_000_000_123),
            bucket: &"main".parse().expect("a name"),
            tenant: Some(&tenant),
            object_name: "a/b.png",
            act: &["t1/a/b.png", "sealed"],
        };
        let of_draft = vec![("draft_name", Some(json!("c.png"))), ("draft_id", None)];
        let event = facts.with([object_fields(&object), of_draft].concat());
        let parsed: Value = serde_json::from_slice(&event.json).expect("JSON");
        let expected = json!({
            "specversion": "1.0",
            "id": event.id.to_string(),
            "type": "draft.confirmed",
            "source": "/buckets/main",
            "subject": "a/b.png",
            "time": "2027-01-15T08:00:00.123Z",
            "datacontenttype": "application/json",
            "data": {
                "object_name": "a/b.png",
                "size": 7,
                "etag": "abc",
                "content_type": "image/png",
                "metadata": {"order": "42"},
                "tenant": "t1",
                "draft_name": "c.png",
            },
        });
        assert_eq!(parsed, expected);
        assert_eq!(Event::of(&parsed), Some(event.clone()));
        assert_eq!(Event::of(&json!({"id": "evt_x"})), None);
        let later = facts
            .with(Vec::new())
            .with(object_fields(&object))
            .with(vec![("draft_name", Some(json!("c.png")))]);
        assert_eq!(later, event);
        assert_eq!(facts.with(Vec::new()).id, event.id);
        let whole = EventFacts {
            tenant: None,
            object_name: "t1/a/b.png",
            ..facts
        };
        let whole = whole.with([object_fields(&object), vec![("draft_name", Some(json!("t1/c.png")))]].concat());
        let whole = whole.in_tenant(tenant.clone());
        let parsed: Value = serde_json::from_slice(&whole.json).expect("JSON");
        assert_eq!(
            (whole.id, whole.tenant, parsed),
            (event.id, event.tenant.clone(), expected)
        );
        for act in [&["t1/a/b.png", "other"][..], &["t1/a/b.pngsealed"], &["t1/a/b.png"]] {
            assert_ne!(EventFacts { act, ..facts }.with(Vec::new()).id, event.id, "{act:?}");
        }
    }
}
