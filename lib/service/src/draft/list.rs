//! Listings of drafts.
//!
//! The named drafts of a caller have a common prefix. Its unique drafts are distributed over all shards, among those of
//! other callers. A call searches a limited number of the store's pages for them, and lists only what the caller may see
//! before it ends the page.

mod newest;

use std::time::SystemTime;

use draftstore_protocol::sweep::expires_at;
use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::{ETag, ListObjects, ListedObject, ObjectKey, ObjectPage};

use super::Drafts;
use super::list_objects::{longer_prefix, prefix};
use super::page::{Listing, Position};
use crate::caller::{Names, Tenant};
use crate::limits::MAX_PAGE_SIZE;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, ObjectName, Scope};

/// A request for a page of drafts, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListDrafts {
    /// The maximum number of drafts.
    pub page_size: Option<i32>,
    /// The token to continue with: [`DraftPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
    /// The prefix of the names to list.
    pub prefix: Option<String>,
    /// `true` for the newest uploads first.
    pub newest_first: bool,
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
    /// The time of the upload, by the store's clock.
    pub uploaded_at: SystemTime,
}

/// A page of drafts, in byte order of their keys. For a caller that may not see all drafts, unique drafts are first.
#[derive(Debug, Clone)]
pub struct DraftPage {
    /// The drafts on the page.
    pub drafts: Vec<DraftListed>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
}

/// The maximum number of the store's pages that one call searches.
const MAX_LISTS: usize = 10;

/// The first key after all shards, whose names are hexadecimal digits.
const AFTER_SHARDS: &str = ".drafts/g";

/// The first key after all reserved ones.
const AFTER_RESERVED: &str = ".drafts0";

/// A range of keys in the draft bucket.
#[derive(Debug)]
struct Range {
    prefix: String,
    /// The first key after the range, if the prefix does not end it.
    end: Option<String>,
    /// The reserved keys are in the range.
    reserved: bool,
    /// Other callers have keys in the range.
    shared: bool,
}

impl Drafts {
    /// Lists a page of drafts, including expired ones that no sweep has removed yet.
    ///
    /// A page has fewer drafts than requested, or none, and more follow, only if the caller may not see all drafts, and
    /// the call searched through ten thousand of others.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or an error of the store.
    pub async fn list(&self, request: &ListDrafts) -> Result<DraftPage, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let listing = Listing {
            purpose: Purpose::DraftPage,
            prefix: request.prefix.as_deref().unwrap_or_default(),
            delimiter: if request.newest_first { newest::ORDER } else { "" },
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        broken.take_optional(request.prefix.as_deref().map(prefix));
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        if request.newest_first {
            return self.newest(listing, page).await;
        }
        let (drafts, next) = self.search(listing.prefix, page.size, page.begin).await?;
        Ok(DraftPage {
            drafts,
            next_page_token: next.map(|next| self.page_token(listing, &next)),
        })
    }

    /// Searches the ranges of the caller from a position on, for one draft more than the page has. Returns the position at
    /// which the next page begins.
    async fn search(
        &self,
        prefix: &str,
        page_size: u16,
        begin: Option<Position>,
    ) -> Result<(Vec<DraftListed>, Option<Position>), Error> {
        let ranges = self.ranges(prefix);
        let mut position = begin.unwrap_or_default();
        let mut last = position.clone();
        let mut drafts = Vec::new();
        for _ in 0..MAX_LISTS {
            let Some(range) = ranges.get(usize::from(position.range)) else {
                break;
            };
            let missing = page_size - u16::try_from(drafts.len()).unwrap_or(page_size);
            let size = if range.shared {
                MAX_PAGE_SIZE
            } else {
                (missing + 1).min(MAX_PAGE_SIZE)
            };
            let listed = self.drafts_from(&range.prefix, position.after.take(), size).await?;
            let mut is_last = listed.next.is_none();
            for object in listed.objects {
                let key = object.key.clone();
                if range.end.as_ref().is_some_and(|end| key.as_str() >= end.as_str()) {
                    is_last = true;
                    break;
                }
                if !range.reserved && key.as_str().starts_with(RESERVED_PREFIX) {
                    position.after = Some(AFTER_RESERVED.to_owned());
                    is_last = false;
                    break;
                }
                position = Position::after_key(position.range, key.as_str());
                let Some(draft) = self.listed(object, prefix) else {
                    continue;
                };
                if drafts.len() == usize::from(page_size) {
                    return Ok((drafts, Some(last)));
                }
                drafts.push(draft);
                last = position.clone();
            }
            if is_last {
                position = Position {
                    range: position.range + 1,
                    after: None,
                };
            }
        }
        let is_over = usize::from(position.range) >= ranges.len();
        Ok((drafts, (!is_over).then_some(position)))
    }

    /// Returns the ranges that have the drafts of the caller with this prefix: all keys, or the shards and then the named
    /// drafts.
    fn ranges(&self, asked: &str) -> Vec<Range> {
        let tenant = self.caller.tenant.as_ref().map_or("", Tenant::prefix);
        let Some(prefix) = longer_prefix(format!("{tenant}{asked}"), self.caller.visible_prefix()) else {
            return Vec::new();
        };
        if prefix.is_empty() {
            return vec![Range {
                prefix,
                end: None,
                reserved: true,
                shared: false,
            }];
        }
        let only = matches!(self.caller.names, Names::Exactly(_));
        let shards = Range {
            prefix: RESERVED_PREFIX.to_owned(),
            end: Some(AFTER_SHARDS.to_owned()),
            reserved: true,
            shared: true,
        };
        let named = Range {
            end: only.then(|| format!("{prefix}\0")),
            prefix,
            reserved: false,
            shared: false,
        };
        vec![shards, named]
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

    /// Returns an object that is a draft and that the caller may see. The server's own objects are left out.
    fn listed(&self, object: ListedObject, prefix: &str) -> Option<DraftListed> {
        let draft_id = DraftId::in_key(&object.key);
        let name = self.name_listed(&object.key).filter(|name| name.starts_with(prefix))?;
        Some(DraftListed {
            object_name: name.to_owned(),
            draft_id,
            expires_at: expires_at(&self.shared.policy, draft_id, &object.etag, object.last_modified),
            uploaded_at: object.last_modified,
            etag: object.etag,
            size: object.size,
        })
    }

    /// Returns the object name of a draft by its key, or `None` if it is not a draft that the caller may see, or has a name that no
    /// call takes, as another program may have given it.
    fn name_listed<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        let key = key.as_str();
        let named = if key.starts_with(RESERVED_PREFIX) {
            DraftId::split(key)?.1
        } else {
            key
        };
        self.caller.name_of(named).filter(|name| ObjectName::is_valid(name))
    }
}
