//! Listings of confirmed objects.

mod filter;

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_protocol::REPLACED_PREFIX;
use draftstore_storage as storage;
use draftstore_storage::{ETag, ErrorKind, ListedObject, MediaType};
use futures::future::ready;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

pub use filter::ObjectFilter;

use self::filter::Filter;
use super::Drafts;
use super::page::{Listing, Position};
use crate::caller::{ContentTypes, Names};
use crate::limits::{MAX_PREFIX_BYTES, MAX_TOTALLED};
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, ObjectName, Scope, Violation};

/// The maximum number of objects of a page that are looked up one by one, for a filter by what the store does not list.
const MAX_LOOKED_UP: u16 = 100;

/// The maximum number of objects that are looked up concurrently.
const MAX_CONCURRENT: usize = 16;

/// A request for a page of confirmed objects, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ListObjects {
    /// The maximum number of objects.
    pub page_size: Option<i32>,
    /// The token to continue with: [`ObjectsPage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
    /// The prefix of the names to list.
    pub prefix: Option<String>,
    /// `/` to list what is directly below the prefix: objects and folders.
    pub delimiter: Option<String>,
    /// The filter of the objects.
    pub filter: ObjectFilter,
    /// `true` to count all objects with the prefix that pass the filter.
    pub totals: bool,
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

/// The number of objects, and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectTotals {
    /// The number of objects.
    pub objects: u64,
    /// The sum of their sizes in bytes.
    pub bytes: u64,
    /// `false` if there are more objects than were looked at.
    pub is_complete: bool,
}

impl ObjectTotals {
    const fn none() -> Self {
        Self {
            objects: 0,
            bytes: 0,
            is_complete: true,
        }
    }
}

/// A page of confirmed objects, in byte order of their names.
#[derive(Debug, Clone, Default)]
pub struct ObjectsPage {
    /// The objects on the page.
    pub objects: Vec<ObjectListed>,
    /// The folders on the page: what the names of objects below them begin with. Each ends with a slash.
    pub folders: Vec<String>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
    /// The totals, if they were asked for.
    pub totals: Option<ObjectTotals>,
}

impl Drafts {
    /// Lists a page of the objects in main that the caller may see.
    ///
    /// The objects of an atomic batch that is rolled back may be listed until the rollback ends. Objects and folders with names that
    /// no call takes are left out.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or an error of the store.
    pub async fn list_objects(&self, request: &ListObjects) -> Result<ObjectsPage, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let listing = Listing {
            purpose: Purpose::ObjectPage,
            prefix: request.prefix.as_deref().unwrap_or_default(),
            delimiter: request.delimiter.as_deref().unwrap_or_default(),
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        let prefix = broken.take_optional(request.prefix.as_deref().map(prefix));
        let delimiter = broken.take_optional(request.delimiter.as_deref().map(delimiter));
        let filter = request.filter.check(&mut broken);
        if request.totals && filter.needs_description() {
            let rule = "must not be asked for with content_type or tags: the store is asked for each object";
            broken.take::<()>(Err(Violation::new("totals", rule)));
        }
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        let page_size = if filter.needs_description() {
            page.size.min(MAX_LOOKED_UP)
        } else {
            page.size
        };
        let own = self.folder();
        let asked = format!("{own}{}", prefix.unwrap_or_default());
        let visible = self.visible_in_main();
        let only = matches!(self.caller.names, Names::Exactly(_));
        let above = delimiter.and_then(|_| folder_above(&asked, &visible));
        let Some(prefix) = longer_prefix(asked, visible) else {
            return Ok(ObjectsPage {
                totals: request.totals.then(ObjectTotals::none),
                ..ObjectsPage::default()
            });
        };
        let totals = if request.totals {
            Some(self.totals(&prefix, &filter).await?)
        } else {
            None
        };
        let begin = page.begin.unwrap_or_default();
        let request = storage::ListObjects {
            prefix: Some(prefix),
            delimiter: delimiter.filter(|_| above.is_none()).map(ToOwned::to_owned),
            start_after: begin.start_after(),
            // The only name comes before all that begin with it.
            max_keys: Some(if only || above.is_some() { 1 } else { page_size }),
            ..storage::ListObjects::default()
        };
        let main = self.shared.store.buckets.main.name();
        let found = self.shared.store.objects().list(main, &request).await?;
        let visible = found.objects.iter().filter_map(|object| self.object(object));
        let mut objects: Vec<_> = visible.collect();
        if let Some(above) = above {
            let folder = above.strip_prefix(own.as_str()).filter(|_| !objects.is_empty());
            return Ok(ObjectsPage {
                folders: folder.map(ToOwned::to_owned).into_iter().collect(),
                totals,
                ..ObjectsPage::default()
            });
        }
        let more = found.next.is_some() && !only;
        let next = more.then(|| last(&found)).flatten();
        let folders = found.prefixes.iter();
        objects.retain(|object| filter.passes(object.size, object.confirmed_at));
        if filter.needs_description() {
            objects = self.looked_up(objects, &filter).await?;
        }
        Ok(ObjectsPage {
            totals,
            next_page_token: next.map(|next| self.page_token(listing, &next)),
            folders: folders
                .filter(|folder| !folder.starts_with(REPLACED_PREFIX))
                .filter_map(|folder| folder.strip_prefix(own.as_str()))
                .filter(|folder| folder.strip_suffix('/').is_some_and(ObjectName::is_valid))
                .map(ToOwned::to_owned)
                .collect(),
            objects,
        })
    }

    /// Counts the objects with the prefix that the caller may see.
    async fn totals(&self, prefix: &str, filter: &Filter) -> Result<ObjectTotals, Error> {
        let mut totals = ObjectTotals::none();
        let mut seen = 0;
        let mut request = storage::ListObjects {
            prefix: Some(prefix.to_owned()),
            ..storage::ListObjects::default()
        };
        loop {
            let main = self.shared.store.buckets.main.name();
            let page = self.shared.store.objects().list(main, &request).await?;
            seen += page.objects.len();
            for object in page.objects.iter().filter_map(|object| self.object(object)) {
                if filter.passes(object.size, object.confirmed_at) {
                    totals.objects += 1;
                    totals.bytes = totals.bytes.saturating_add(object.size);
                }
            }
            totals.is_complete = page.next.is_none();
            if ends_in_copies(&page) {
                request.continuation = None;
                request.start_after = Position::after_folder(REPLACED_PREFIX).start_after();
            } else {
                request.continuation = page.next;
            }
            if totals.is_complete || seen >= MAX_TOTALLED {
                return Ok(totals);
            }
        }
    }

    /// Returns the objects that pass the filter by what the store says of each, in their order.
    async fn looked_up(&self, objects: Vec<ObjectListed>, filter: &Filter) -> Result<Vec<ObjectListed>, Error> {
        let looks: Vec<_> = objects
            .into_iter()
            .map(|object| async move {
                let passes = self.is_described_by(&object.object_name, filter).await?;
                Ok::<_, Error>(passes.then_some(object))
            })
            .collect();
        let looks = stream::iter(looks).buffered(MAX_CONCURRENT);
        looks.try_filter_map(|object| ready(Ok(object))).try_collect().await
    }

    /// Returns `true` if an object has the media type and the tags of the filter, and was not deleted meanwhile.
    async fn is_described_by(&self, name: &str, filter: &Filter) -> Result<bool, Error> {
        let Ok(name) = self.object_name(name) else {
            return Ok(false);
        };
        let (objects, main, key) = (
            self.shared.store.objects(),
            &self.shared.store.buckets.main,
            self.main_key(&name),
        );
        let Some(described) = unless_gone(objects.describe(main, &key, None).await)? else {
            return Ok(false);
        };
        let stored = described.info.attributes.content_type.as_deref();
        let has_type = |types: &ContentTypes| stored.is_some_and(|text| types.allow(&MediaType::of_stored(Some(text))));
        if !filter.content_type.as_ref().is_none_or(has_type) {
            return Ok(false);
        }
        if filter.tags.is_empty() || !described.has_tags {
            return Ok(filter.tags.is_empty());
        }
        let tags = unless_gone(objects.tags(main.name(), &key, None).await)?;
        let has_all =
            |tags: BTreeMap<String, String>| filter.tags.iter().all(|(key, value)| tags.get(key) == Some(value));
        Ok(tags.is_some_and(has_all))
    }

    /// Returns an object that the caller may see, unless it has a name that no call takes, as another program may have given it.
    fn object(&self, object: &ListedObject) -> Option<ObjectListed> {
        let name = self
            .name_in_main(object.key.as_str())
            .filter(|name| ObjectName::is_valid(name))?;
        Some(ObjectListed {
            object_name: name.to_owned(),
            etag: object.etag.clone(),
            size: object.size,
            confirmed_at: object.last_modified,
        })
    }
}

fn unless_gone<T>(found: Result<T, storage::Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the position after the last object or folder of a page. Copies of replaced objects are skipped.
fn last(page: &storage::ObjectPage) -> Option<Position> {
    let key = page.objects.last().map(|object| object.key.as_str());
    if ends_in_copies(page) {
        return Some(Position::after_folder(REPLACED_PREFIX));
    }
    match (key, page.prefixes.last()) {
        (Some(key), Some(folder)) if key > folder.as_str() => Some(Position::after_key(0, key)),
        (_, Some(folder)) => Some(Position::after_folder(folder)),
        (key, None) => Some(Position::after_key(0, key?)),
    }
}

/// Returns `true` if the last object of a page is a copy of a replaced one, which no caller sees.
fn ends_in_copies(page: &storage::ObjectPage) -> bool {
    let last = page.objects.last();
    last.is_some_and(|object| object.key.as_str().starts_with(REPLACED_PREFIX))
}

/// Returns the folder below `asked` that contains everything that the caller may see, or `None` if there may be several.
fn folder_above(asked: &str, visible: &str) -> Option<String> {
    let (folder, _) = visible.strip_prefix(asked)?.split_once('/')?;
    Some(format!("{asked}{folder}/"))
}

/// Returns the longer of two prefixes, or `None` if no key can have both.
pub(super) fn longer_prefix(one: String, other: String) -> Option<String> {
    if one.starts_with(&other) {
        Some(one)
    } else {
        other.starts_with(&one).then_some(other)
    }
}

fn delimiter(delimiter: &str) -> Result<&str, Violation> {
    if delimiter == "/" {
        Ok(delimiter)
    } else {
        Err(Violation::new("delimiter", "must be '/'"))
    }
}

pub(super) fn prefix(prefix: &str) -> Result<String, Violation> {
    if prefix.len() <= MAX_PREFIX_BYTES {
        Ok(prefix.to_owned())
    } else {
        let rule = format!("must be at most {MAX_PREFIX_BYTES} bytes of UTF-8");
        Err(Violation::new("prefix", rule))
    }
}
