//! Listings for a caller that may not see all drafts.
//!
//! The named drafts of the caller have a common prefix. Its unique drafts are distributed over all shards, among those
//! of other callers. A call searches a few pages of the store for them. If such a page ends with the draft of another
//! caller, the page token must not reveal its key: the token contains only the shard and the expiry of that draft.

use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::ObjectPage;

use super::Drafts;
use super::list::DraftPage;
use super::page::{Page, next_page_token};
use crate::Error;
use crate::caller::Tenant;
use crate::limits::MAX_PAGE_SIZE;

/// The page token after the unique drafts and before the named ones. No name has this prefix.
const NAMED: &str = "/";

/// The maximum number of the store's pages that one call searches for unique drafts.
const MAX_PAGES: usize = 10;

impl Drafts {
    /// Lists the caller's unique drafts first, then its named ones.
    pub(super) async fn list_own(&self, page: Page) -> Result<DraftPage, Error> {
        match page.after.as_deref() {
            None => self.list_own_unique(RESERVED_PREFIX.to_owned(), page.size).await,
            Some(after) if after.starts_with(RESERVED_PREFIX) => {
                self.list_own_unique(after.to_owned(), page.size).await
            }
            Some(NAMED) => self.list_own_named("", page.size).await,
            Some(after) => self.list_own_named(after, page.size).await,
        }
    }

    async fn list_own_named(&self, after: &str, size: u16) -> Result<DraftPage, Error> {
        let tenant = self.caller.tenant.as_ref().map_or("", Tenant::prefix);
        let page = self
            .drafts_from(&self.caller.visible_prefix(), Some(format!("{tenant}{after}")), size)
            .await?;
        Ok(DraftPage {
            next_page_token: next_page_token(&page).map(|mut key| key.split_off(tenant.len())),
            drafts: self.listed(page.objects),
        })
    }

    /// Searches for unique drafts after a key, until some are found or [`MAX_PAGES`] pages are searched.
    async fn list_own_unique(&self, mut after: String, size: u16) -> Result<DraftPage, Error> {
        for _ in 0..MAX_PAGES {
            let mut page = self
                .drafts_from(RESERVED_PREFIX, Some(after.clone()), MAX_PAGE_SIZE)
                .await?;
            let end = next_cursor(&mut page, &after);
            let mut mine = page.objects;
            mine.retain(|object| self.name_listed(&object.key).is_some());
            let cut = mine.get(usize::from(size)..).is_some_and(|more| !more.is_empty());
            mine.truncate(size.into());
            let last = mine.last().map(|object| object.key.to_string());
            let next = if cut { last } else { end };
            let Some(next) = next else {
                return Ok(DraftPage {
                    drafts: self.listed(mine),
                    next_page_token: Some(NAMED.to_owned()),
                });
            };
            if !mine.is_empty() {
                return Ok(DraftPage {
                    drafts: self.listed(mine),
                    next_page_token: Some(next),
                });
            }
            after = next;
        }
        Ok(DraftPage {
            drafts: Vec::new(),
            next_page_token: Some(after),
        })
    }
}

/// Returns the cursor after a page that started after `begin`, or `None` if no unique drafts follow.
///
/// Removes the objects from the page that the next page will list.
fn next_cursor(page: &mut ObjectPage, begin: &str) -> Option<String> {
    page.next.as_ref()?;
    let drafts = page.objects.iter().rev();
    // Keys after the shards are objects of the server.
    let last = page.objects.last()?;
    if last.key.as_str() >= AFTER_SHARDS {
        return None;
    }
    let moment = drafts
        .clone()
        .find_map(|object| moment(object.key.as_str(), DraftId::in_key(&object.key)?));
    match moment {
        Some(moment) if moment.as_str() > begin => {
            page.objects.retain(|object| object.key.as_str() < moment.as_str());
            Some(moment)
        }
        // The whole page expires in the same millisecond, or has no drafts: skip it.
        Some(moment) => Some(format!("{moment}~")),
        None => Some(format!("{}~", shard(last.key.as_str()))),
    }
}

/// The first key after all shards, whose names are hexadecimal digits.
const AFTER_SHARDS: &str = ".drafts/g";

/// The number of digits of a ULID that encode its time.
const TIME_DIGITS: usize = 10;

/// Returns a key that is less than those of all drafts in the shard that expire in the same millisecond or later.
fn moment(key: &str, id: DraftId) -> Option<String> {
    let (shard, _) = key.split_once(&id.to_string())?;
    Some(format!("{shard}{}", &id.to_string()[..TIME_DIGITS]))
}

/// Returns the prefix of a key's shard.
fn shard(key: &str) -> &str {
    let end = key.match_indices('/').nth(1).map_or(key.len(), |(slash, _)| slash);
    &key[..end]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::{ListedObject, ObjectKey};

    use super::*;

    /// Returns the whole key of another caller's draft.
    fn key(milliseconds: u64, random: u128) -> String {
        let id = DraftId::new(UNIX_EPOCH + Duration::from_millis(milliseconds), random);
        id.key(&ObjectKey::new("t10/secret.jpg").expect("a key")).to_string()
    }

    fn page(keys: &[&str], is_last: bool) -> ObjectPage {
        let object = |key: &&str| ListedObject {
            key: ObjectKey::new(*key).expect("a key"),
            etag: "x".parse().expect("an ETag"),
            size: 1,
            last_modified: UNIX_EPOCH,
        };
        ObjectPage {
            objects: keys.iter().map(object).collect(),
            next: (!is_last).then(|| "more".to_owned()),
            store_time: None,
        }
    }

    #[test]
    fn page_token_does_not_reveal_the_draft_of_another_caller() {
        let [early, late, later] = [key(1000, 0xab), key(2000, 0x1ab), key(2000, 0x2ab)];
        let mut cut = page(&[&early, &late, &later], false);
        let next = next_cursor(&mut cut, RESERVED_PREFIX).expect("there is more");
        assert_eq!(cut.objects.len(), 1, "the next page shows the others");
        assert!(early < next && next < late, "{next}");
        assert_eq!(
            next.len(),
            ".drafts/ab/".len() + TIME_DIGITS,
            "a shard and a time: {next}"
        );

        // The next page continues there, even if all its drafts expire in the same millisecond.
        let mut again = page(&[&late, &later], false);
        let beyond = next_cursor(&mut again, &next).expect("there is more");
        assert_eq!(again.objects.len(), 2);
        assert!(later < beyond && beyond < key(2001, 0xab), "{beyond}");
    }

    #[test]
    fn listing_ends_with_the_last_page_or_the_last_shard() {
        let draft = key(1000, 0xff);
        assert_eq!(next_cursor(&mut page(&[&draft], true), RESERVED_PREFIX), None);
        assert_eq!(
            next_cursor(&mut page(&[&draft, ".drafts/staging/x/t10/a"], false), RESERVED_PREFIX),
            None
        );
        let next = next_cursor(&mut page(&[".drafts/ab/t10-secret"], false), RESERVED_PREFIX);
        assert_eq!(next.as_deref(), Some(".drafts/ab~"), "skips keys that are not drafts");
    }
}
