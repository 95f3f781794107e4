//! Listing the drafts of a caller that may not see all of them.
//!
//! The keys of its named drafts begin alike. Its unique ones are among everybody's, shard by shard, and are looked for
//! there, a few pages of the store at a time. Where such a page ends with somebody else's draft, the token for the next
//! one must not tell its key: it says the moment at which that draft expires, and the shard, and no more.

use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::ObjectPage;

use super::Drafts;
use super::list::DraftPage;
use super::page::{Page, next_page_token};
use crate::Error;
use crate::caller::Tenant;
use crate::limits::MAX_PAGE_SIZE;

/// Where unique drafts have been listed, and named ones have not. No name begins so.
const NAMED: &str = "/";

/// Pages of the store that one call looks through for unique drafts.
const MAX_PAGES: usize = 10;

impl Drafts {
    /// Unique drafts first, then named ones.
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
            .drafts_from(&self.caller.sight(), Some(format!("{tenant}{after}")), size)
            .await?;
        Ok(DraftPage {
            next_page_token: next_page_token(&page).map(|mut key| key.split_off(tenant.len())),
            drafts: self.listed(page.objects),
        })
    }

    /// Looks on after this key until it has found some, or has looked through as much as one call may.
    async fn list_own_unique(&self, mut after: String, size: u16) -> Result<DraftPage, Error> {
        for _ in 0..MAX_PAGES {
            let mut page = self
                .drafts_from(RESERVED_PREFIX, Some(after.clone()), MAX_PAGE_SIZE)
                .await?;
            let end = end(&mut page, &after);
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

/// Where to go on after a page that began after `begin`; none where no more unique drafts follow. Takes from the page what
/// the next one will show.
fn end(page: &mut ObjectPage, begin: &str) -> Option<String> {
    page.next.as_ref()?;
    let drafts = page.objects.iter().rev();
    // What follows the shards is the server's own.
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
        // A whole page of drafts that expire in the same millisecond, or of keys that are none: over them.
        Some(moment) => Some(format!("{moment}~")),
        None => Some(format!("{}~", shard(last.key.as_str()))),
    }
}

/// Shards are hexadecimal digits.
const AFTER_SHARDS: &str = ".drafts/g";

/// Digits of a ULID that say its time.
const TIME_DIGITS: usize = 10;

/// Less than the keys of all drafts of its shard that expire in the same millisecond as this one, or later.
fn moment(key: &str, id: DraftId) -> Option<String> {
    let (shard, _) = key.split_once(&id.to_string())?;
    Some(format!("{shard}{}", &id.to_string()[..TIME_DIGITS]))
}

/// The prefix of a key's shard.
fn shard(key: &str) -> &str {
    let end = key.match_indices('/').nth(1).map_or(key.len(), |(slash, _)| slash);
    &key[..end]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::{ListedObject, ObjectKey};

    use super::*;

    /// The whole key of a foreign draft that expires then.
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
    fn page_ends_before_the_last_moment_and_tells_no_draft() {
        let [early, late, later] = [key(1000, 0xab), key(2000, 0x1ab), key(2000, 0x2ab)];
        let mut cut = page(&[&early, &late, &later], false);
        let next = end(&mut cut, RESERVED_PREFIX).expect("there is more");
        assert_eq!(cut.objects.len(), 1, "the next page shows the others");
        assert!(early < next && next < late, "{next}");
        assert_eq!(
            next.len(),
            ".drafts/ab/".len() + TIME_DIGITS,
            "a shard and a time: {next}"
        );

        // What follows goes on from there, also where it is all of one moment.
        let mut again = page(&[&late, &later], false);
        let beyond = end(&mut again, &next).expect("there is more");
        assert_eq!(again.objects.len(), 2);
        assert!(later < beyond && beyond < key(2001, 0xab), "{beyond}");
    }

    #[test]
    fn lists_end_with_the_last_page_and_with_the_shards() {
        let draft = key(1000, 0xff);
        assert_eq!(end(&mut page(&[&draft], true), RESERVED_PREFIX), None);
        assert_eq!(
            end(&mut page(&[&draft, ".drafts/staging/x/t10/a"], false), RESERVED_PREFIX),
            None
        );
        let next = end(&mut page(&[".drafts/ab/t10-secret"], false), RESERVED_PREFIX);
        assert_eq!(next.as_deref(), Some(".drafts/ab~"), "over what is no draft");
    }
}
