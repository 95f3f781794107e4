//! Listing drafts, a page at a time.

use std::time::SystemTime;

use draftstore_protocol::sweep::expires_at;
use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::{ETag, ListObjects, ListedObject, ObjectKey, ObjectPage};

use super::Drafts;
use super::page::{Page, next_page_token};
use crate::violation::Violations;
use crate::{Error, Scope};

/// Which drafts to list, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct ListDrafts {
    /// How many at most.
    pub page_size: Option<i32>,
    /// Where the page before ended: its [`DraftPage::next_page_token`].
    pub page_token: Option<String>,
}

/// A draft in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftListed {
    /// The name that it was uploaded under.
    pub object_name: String,
    /// Its identity, where it is a unique one.
    pub draft_id: Option<DraftId>,
    /// The version that was listed.
    pub etag: ETag,
    /// Size in bytes.
    pub size: u64,
    /// When it expires. A sweep removes it some time later.
    pub expires_at: SystemTime,
}

/// A page of drafts, in the store's order.
#[derive(Debug, Clone)]
pub struct DraftPage {
    /// The drafts.
    pub drafts: Vec<DraftListed>,
    /// For the next page; none after the last.
    pub next_page_token: Option<String>,
}

impl Drafts {
    /// Lists drafts, expired ones that no sweep has removed yet among them. A page of a caller that may not see all drafts
    /// may hold fewer than were asked for, or none, though there are more.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, or those of the store.
    pub async fn list(&self, request: &ListDrafts) -> Result<DraftPage, Error> {
        self.caller.may(Scope::Inspect)?;
        let mut broken = Violations::default();
        let page = Page::check(request.page_size, request.page_token.as_deref(), &mut broken);
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        if !self.caller.sight().is_empty() {
            return self.list_own(page).await;
        }
        let page = self.drafts_from("", page.after, page.size).await?;
        Ok(DraftPage {
            next_page_token: next_page_token(&page),
            drafts: self.listed(page.objects),
        })
    }

    /// A page of the draft bucket, of keys that begin so.
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

    /// Those that are drafts, and that the caller may see; what the server keeps there for itself is none.
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

    /// The name by which the caller sees a draft of this key, where it is one.
    pub(super) fn name_listed<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        let key = key.as_str();
        if !key.starts_with(RESERVED_PREFIX) {
            return self.caller.name_of(key);
        }
        DraftId::split(key).and_then(|(_id, named)| self.caller.name_of(named))
    }
}
