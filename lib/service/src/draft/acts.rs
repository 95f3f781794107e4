//! Acts on drafts and confirmed objects whose events are stored before the act.

use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_protocol::events::ActEnd;
use draftstore_storage::{Error as StorageError, ObjectInfo, ObjectKey};
use serde_json::json;

use super::Drafts;
use crate::Error;
use crate::caller::Tenant;
use crate::events::{Act, EventKind, Fields, NewAct, TraceAt, object_fields};

/// An act on a confirmed object.
#[derive(Debug)]
pub(super) struct ActInMain<'a> {
    pub(super) kind: EventKind,
    pub(super) key: &'a ObjectKey,
    /// The version that the act is done to, or the digest of its request.
    pub(super) done_to: &'a str,
    pub(super) fields: Fields,
    pub(super) traces: Vec<TraceAt>,
}

/// An act on a draft.
#[derive(Debug)]
pub(super) struct ActOnDraft<'a> {
    pub(super) kind: EventKind,
    pub(super) key: &'a ObjectKey,
    pub(super) draft: &'a ObjectInfo,
    pub(super) fields: Fields,
    pub(super) traces: Vec<TraceAt>,
}

impl Drafts {
    /// Returns true if an endpoint or the feed wants events of this kind, of the caller's tenant.
    pub(super) fn is_told(&self, kind: EventKind) -> bool {
        let tenant = self.caller.tenant.as_ref();
        !self.courier().recipients(kind, tenant).is_empty()
    }

    /// Stores the event of an act that is about to happen to a confirmed object. If nothing wants it, makes no call.
    ///
    /// # Errors
    /// The error of the store. The act must not happen then.
    pub(super) async fn begin_in_main(&self, act: ActInMain<'_>) -> Result<Option<Act>, StorageError> {
        let parts = [act.key.as_str(), act.done_to];
        self.courier().begin(self.new_in_main(&act, &parts)).await
    }

    /// Publishes the event of an act on a confirmed object that an earlier call has made, if that call ended before it did.
    ///
    /// # Errors
    /// The error of the store. The repeat must not be answered then.
    pub(super) async fn publish_left_in_main(&self, act: ActInMain<'_>) -> Result<(), StorageError> {
        let parts = [act.key.as_str(), act.done_to];
        self.courier().publish_left(self.new_in_main(&act, &parts)).await
    }

    fn new_in_main<'a>(&'a self, act: &'a ActInMain<'_>, parts: &'a [&'a str]) -> NewAct<'a> {
        NewAct {
            kind: act.kind,
            bucket: self.shared.store.buckets.main.name(),
            tenant: self.caller.tenant.as_ref(),
            object_name: self.relative(act.key),
            act: parts,
            fields: [act.fields.clone(), self.place_fields()].concat(),
            traces: act.traces.clone(),
        }
    }

    /// Stores the event of an act that is about to happen to a draft, as [`Drafts::begin_in_main`] does.
    pub(super) async fn begin_on_draft(&self, act: ActOnDraft<'_>) -> Result<Option<Act>, StorageError> {
        let mut fields = object_fields(act.draft);
        fields.extend(self.draft_fields(act.key, None));
        fields.extend(act.fields);
        let new = NewAct {
            kind: act.kind,
            bucket: self.draft_bucket(),
            tenant: self.caller.tenant.as_ref(),
            object_name: self.relative_name(act.key),
            act: &[act.key.as_str(), act.draft.etag.as_str()],
            fields,
            traces: act.traces,
        };
        self.courier().begin(new).await
    }

    /// Publishes the event of an act if it happened, with the object that it has made, and forgets it otherwise.
    pub(super) async fn end_act<T>(&self, act: Option<Act>, result: &Result<T, Error>, object: Option<&ObjectInfo>) {
        let end = match result {
            Ok(_) => ActEnd::Happened,
            Err(error) => ActEnd::from(error),
        };
        let fields = object.map(object_fields).unwrap_or_default();
        self.courier().end(act, end, fields).await;
    }

    /// Returns the name of a confirmed object for its tenant.
    pub(super) fn relative<'k>(&self, key: &'k ObjectKey) -> &'k str {
        self.name_in_main(key.as_str()).unwrap_or(key.as_str())
    }

    /// Returns the time that no act of a call exceeds.
    pub(crate) fn longest_act(&self) -> Duration {
        self.shared.confirm_limits.timeout
    }

    /// Returns the field of an event that names the destination.
    pub(super) fn place_fields(&self) -> Fields {
        let destination = self.destination().map(|name| json!(name));
        vec![("destination", destination)]
    }

    /// Returns the fields of an event that name a draft.
    pub(super) fn draft_fields(&self, key: &ObjectKey, etag: Option<&str>) -> Fields {
        let id = DraftId::in_key(key).map(|id| json!(id.to_string()));
        vec![
            ("draft_name", Some(json!(self.relative_name(key)))),
            ("draft_id", id),
            ("draft_etag", etag.map(|etag| json!(etag))),
        ]
    }

    /// Returns the name of a draft for its tenant, without its ID.
    fn relative_name<'k>(&self, key: &'k ObjectKey) -> &'k str {
        let named = DraftId::split(key.as_str()).map_or(key.as_str(), |(_, name)| name);
        self.without_tenant(named)
    }

    fn without_tenant<'k>(&self, key: &'k str) -> &'k str {
        let tenant = self.caller.tenant.as_ref();
        key.strip_prefix(tenant.map_or("", Tenant::prefix)).unwrap_or(key)
    }
}
