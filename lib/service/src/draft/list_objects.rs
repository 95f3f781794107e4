//! Listings of confirmed objects.

use std::time::SystemTime;

use draftstore_storage as storage;
use draftstore_storage::{ETag, ListedObject};

use super::Drafts;
use super::page::{Listing, Position};
use crate::caller::{Names, Tenant};
use crate::limits::MAX_PREFIX_BYTES;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Scope, Violation};

/// A request for a page of confirmed objects, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListObjects {
    /// The maximum number of objects.
    pub page_size: Option<i32>,
    /// The token to continue with: [`ObjectsPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
    /// The prefix of the names to list.
    pub prefix: Option<String>,
}

/// A confirmed object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectListed {
    /// The name of the object.
    pub object_name: String,
    /// The version of the object.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time of the confirm, by the store's clock.
    pub confirmed_at: SystemTime,
}

/// A page of confirmed objects, in byte order of their names.
#[derive(Debug, Clone, Default)]
pub struct ObjectsPage {
    /// The objects on the page.
    pub objects: Vec<ObjectListed>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
}

impl Drafts {
    /// Lists a page of the objects in main that the caller may see.
    ///
    /// The objects of an atomic batch that is rolled back may be listed until the rollback ends.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or an error of the store.
    pub async fn list_objects(&self, request: &ListObjects) -> Result<ObjectsPage, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let listing = Listing {
            purpose: Purpose::ObjectPage,
            prefix: request.prefix.as_deref().unwrap_or_default(),
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        let prefix = broken.take_optional(request.prefix.as_deref().map(prefix));
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        let tenant = self.caller.tenant.as_ref().map_or("", Tenant::prefix);
        let asked = format!("{tenant}{}", prefix.unwrap_or_default());
        let visible = self.caller.visible_prefix();
        let only = matches!(self.caller.names, Names::Exactly(_));
        let Some(prefix) = longer_prefix(asked, visible) else {
            return Ok(ObjectsPage::default());
        };
        let request = storage::ListObjects {
            prefix: Some(prefix),
            start_after: page.begin.and_then(|begin| begin.after),
            // The only name comes before all that begin with it.
            max_keys: Some(if only { 1 } else { page.size }),
            ..storage::ListObjects::default()
        };
        let main = self.shared.store.buckets.main.name();
        let page = self.shared.store.objects().list(main, &request).await?;
        let more = page.next.filter(|_| !only);
        let next = more.and_then(|_| Some(Position::after_key(0, page.objects.last()?.key.as_str())));
        Ok(ObjectsPage {
            next_page_token: next.map(|next| self.page_token(listing, &next)),
            objects: page
                .objects
                .into_iter()
                .filter_map(|object| self.object(object))
                .collect(),
        })
    }

    fn object(&self, object: ListedObject) -> Option<ObjectListed> {
        Some(ObjectListed {
            object_name: self.caller.name_of(object.key.as_str())?.to_owned(),
            etag: object.etag,
            size: object.size,
            confirmed_at: object.last_modified,
        })
    }
}

/// Returns the longer of two prefixes, or `None` if no key can have both.
fn longer_prefix(one: String, other: String) -> Option<String> {
    if one.starts_with(&other) {
        Some(one)
    } else {
        other.starts_with(&one).then_some(other)
    }
}

fn prefix(prefix: &str) -> Result<String, Violation> {
    if prefix.len() <= MAX_PREFIX_BYTES {
        Ok(prefix.to_owned())
    } else {
        let rule = format!("must be at most {MAX_PREFIX_BYTES} bytes of UTF-8");
        Err(Violation::new("prefix", rule))
    }
}
