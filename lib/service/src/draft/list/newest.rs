//! Listings of drafts with the newest uploads first.
//!
//! Stores list by key alone. So each page reads all drafts of the caller, which are few compared with what is confirmed, and
//! begins after the last draft of the previous page.

use std::cmp::Reverse;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{DraftListed, DraftPage};
use crate::draft::Drafts;
use crate::draft::page::{Listing, Page, Position};
use crate::limits::{MAX_NEWEST, MAX_PAGE_SIZE};
use crate::{Error, Violation};

/// The order, to which page tokens belong.
pub(super) const ORDER: &str = "newest";

/// The place of a draft in the order. The name and the ID decide between uploads of the same time.
type Place = (Reverse<u128>, String);

impl Drafts {
    pub(super) async fn newest(&self, listing: Listing<'_>, page: Page) -> Result<DraftPage, Error> {
        let mut all = Vec::new();
        let mut begin = None;
        loop {
            let (drafts, next) = self.search(listing.prefix, MAX_PAGE_SIZE, begin).await?;
            all.extend(drafts);
            if all.len() > MAX_NEWEST {
                let rule =
                    format!("must not be set: there are more than {MAX_NEWEST} drafts, unless a prefix selects fewer");
                return Err(Error::Invalid(vec![Violation::new("newest_first", rule)]));
            }
            begin = next;
            if begin.is_none() {
                break;
            }
        }
        let after = page.begin.and_then(|begin| decode(&begin.after?));
        all.retain(|draft| after.as_ref().is_none_or(|after| place(draft) > *after));
        all.sort_by_cached_key(place);
        let more = all.len() > usize::from(page.size);
        all.truncate(page.size.into());
        let last = all.last().filter(|_| more).map(place);
        Ok(DraftPage {
            next_page_token: last.map(|last| self.page_token(listing, &encode(&last))),
            drafts: all,
        })
    }
}

fn place(draft: &DraftListed) -> Place {
    let id = draft.draft_id.map(|id| id.to_string()).unwrap_or_default();
    (
        Reverse(nanoseconds(draft.uploaded_at)),
        format!("{id} {}", draft.object_name),
    )
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn encode((Reverse(time), name): &Place) -> Position {
    Position {
        range: 0,
        after: Some(format!("{time} {name}")),
    }
}

fn decode(text: &str) -> Option<Place> {
    let (time, name) = text.split_once(' ')?;
    Some((Reverse(time.parse().ok()?), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_read_from_its_token() {
        for place in [(Reverse(0), " a b".to_owned()), (Reverse(7), "01J x".to_owned())] {
            let position = encode(&place);
            assert_eq!(decode(&position.after.expect("a text")), Some(place));
        }
        assert_eq!(decode("x"), None);
    }
}
