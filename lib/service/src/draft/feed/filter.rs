//! The events of the feed that a caller wants and may see.

use super::SelectEvents;
use crate::Violation;
use crate::caller::Tenant;
use crate::draft::list_objects::prefix;
use crate::events::{Event, EventKind};
use crate::violation::Violations;

/// A filter of events.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    /// The tenant whose events are seen, with those of tenants below. `None` sees all.
    tenant: Option<Tenant>,
    /// The kind of events, or its beginning.
    kind: String,
    name_prefix: String,
}

impl SelectEvents {
    /// Returns the kinds that can be selected: all with one beginning, and each alone.
    pub fn types() -> Vec<&'static str> {
        [&["draft.", "object."], EventKind::NAMES].concat()
    }
}

impl Filter {
    /// Validates a selection, and records the rules that it breaks.
    pub(super) fn new(tenant: Option<Tenant>, select: &SelectEvents, broken: &mut Violations) -> Option<Self> {
        let kind = broken.take(kind(select.kind.as_deref().unwrap_or_default()));
        let name_prefix = broken.take(name_prefix(select.name_prefix.as_deref().unwrap_or_default()));
        Some(Self {
            tenant,
            kind: kind?,
            name_prefix: name_prefix?,
        })
    }

    /// Returns true if the caller wants the event, and may see it.
    pub(super) fn holds(&self, event: &Event) -> bool {
        let of_event = event.tenant.as_ref().map_or("", Tenant::prefix);
        let is_seen = self
            .tenant
            .as_ref()
            .is_none_or(|own| of_event.starts_with(own.prefix()));
        is_seen && event.kind.as_str().starts_with(&self.kind) && event.subject().starts_with(&self.name_prefix)
    }
}

fn kind(kind: &str) -> Result<String, Violation> {
    let types = SelectEvents::types();
    if kind.is_empty() || types.contains(&kind) {
        Ok(kind.to_owned())
    } else {
        let rule = format!("must be one of {}", types.join(", "));
        Err(Violation::new("type", rule))
    }
}

fn name_prefix(text: &str) -> Result<String, Violation> {
    prefix(text).map_err(|Violation { rule, .. }| Violation::new("name_prefix", rule))
}
