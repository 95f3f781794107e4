//! Listings of drafts.

use std::time::SystemTime;

use draftstore_protocol::sweep::expires_at;
use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::{ETag, ListObjects, ListedObject, ObjectKey, ObjectPage};

use super::Drafts;
use super::page::{Page, next_page_token};
use crate::violation::Violations;
use crate::{Error, Scope};

/// A request for a page of drafts, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListDrafts {
    /// The maximum number of drafts.
    pub page_size: Option<i32>,
    /// The token to continue with: [`DraftPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
}

/// A draft in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftListed {
    /// The object name under which the draft was uploaded.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<DraftId>,
    /// The version of the draft.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time at which the draft expires. A sweep removes it some time later.
    pub expires_at: SystemTime,
}

/// A page of drafts, in byte order of their keys.
#[derive(Debug, Clone)]
pub struct DraftPage {
    /// The drafts on the page.
    pub drafts: Vec<DraftListed>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
}

impl Drafts {
    /// Lists a page of drafts, including expired ones that no sweep has removed yet.
    ///
    /// For a caller that may not see all drafts, a page may have fewer drafts than requested, or none, even if more
    /// follow.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or an error of the store.
    pub async fn list(&self, request: &ListDrafts) -> Result<DraftPage, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let page = Page::check(request.page_size, request.page_token.as_deref(), &mut broken);
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        if !self.caller.visible_prefix().is_empty() {
            return self.list_own(page).await;
        }
        let page = self.drafts_from("", page.after, page.size).await?;
        Ok(DraftPage {
            next_page_token: next_page_token(&page),
            drafts: self.listed(page.objects),
        })
    }

    /// Lists a page of the draft bucket, of keys with this prefix.
    pub(super) async fn drafts_from(
        &self,
        prefix: &str,
        after: Option<String>,
        size: u16,
    ) -> Result<ObjectPage, Error> {
        let request = ListObjects {
            prefix: Some(prefix.to_owned()),
            start_after: after,
            max_keys: Some(size),
            ..ListObjects::default()
        };
        let draft = self.shared.store.buckets.draft.name();
        Ok(self.shared.store.objects().list(draft, &request).await?)
    }

    /// Returns the objects that are drafts and that the caller may see. The server's own objects are left out.
    pub(super) fn listed(&self, objects: Vec<ListedObject>) -> Vec<DraftListed> {
        let listed = objects.into_iter().filter_map(|object| {
            let draft_id = DraftId::in_key(&object.key);
            Some(DraftListed {
                object_name: self.name_listed(&object.key)?.to_owned(),
                draft_id,
                expires_at: expires_at(&self.shared.policy, draft_id, &object.etag, object.last_modified),
                etag: object.etag,
                size: object.size,
            })
        });
        listed.collect()
    }

    /// Returns the object name of a draft by its key, or `None` if it is not a draft that the caller may see.
    pub(super) fn name_listed<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        let key = key.as_str();
        if !key.starts_with(RESERVED_PREFIX) {
            return self.caller.name_of(key);
        }
        DraftId::split(key).and_then(|(_id, named)| self.caller.name_of(named))
    }
}
