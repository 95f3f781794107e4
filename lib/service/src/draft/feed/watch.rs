//! Watches of the feed: each event as soon as it can be read.
//!
//! Watches that have read equally far share the calls to the store. Their times are whole multiples of the pause between two
//! reads, so that all that are up to date read the same page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_protocol::events::{FeedEntry, FeedPage, FeedPosition};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::{FeedEvent, Filter, SelectEvents};
use crate::Error;
use crate::draft::Drafts;
use crate::events::Event;
use crate::limits::MAX_EVENTS_TOGETHER;
use crate::violation::Violations;

/// The pause between two reads of a watch that is up to date.
const PAUSE: Duration = Duration::from_secs(2);

/// The time after which a watch without events gets a new cursor.
const CURSOR_INTERVAL: Duration = Duration::from_secs(60);

/// The maximum number of pages that watches share.
const MAX_SHARED: usize = 16;

/// The pages that the watches on this server have read last. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::draft) struct SharedPages(Arc<Mutex<VecDeque<Shared>>>);

#[derive(Debug)]
struct Shared {
    /// The position after which the page begins, and the settled one.
    range: (FeedPosition, FeedPosition),
    page: SharedPage,
}

/// A page that is read once.
type SharedPage = Arc<OnceCell<FeedPage<Event>>>;

impl SharedPages {
    fn page(&self, range: (FeedPosition, FeedPosition)) -> SharedPage {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = pages.iter().find(|shared| shared.range == range) {
            return Arc::clone(&shared.page);
        }
        if pages.len() >= MAX_SHARED {
            pages.pop_front();
        }
        let page = SharedPage::default();
        pages.push_back(Shared {
            range,
            page: Arc::clone(&page),
        });
        page
    }
}

/// A watch of the feed. Dropping it ends it.
#[derive(Debug)]
pub struct EventsWatch {
    drafts: Drafts,
    filter: Filter,
    begin: FeedPosition,
    position: FeedPosition,
    /// The events of the last page that are not returned yet.
    waiting: VecDeque<(FeedEntry, Event)>,
    /// `true` if more may follow at once.
    has_more: bool,
    /// The time of the last update.
    updated_at: Option<Instant>,
    has_ended: bool,
}

/// An update of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsUpdate {
    /// The event. An update without one has a new cursor only.
    pub event: Option<FeedEvent>,
    /// The cursor after the event.
    pub cursor: String,
}

impl Drafts {
    /// Begins to watch the feed, after the cursor or else now. A caller with a tenant gets the events of its tenant, and of those
    /// below.
    ///
    /// # Errors
    /// Returns the errors of [`Drafts::list_events`].
    pub async fn watch_events(&self, request: &SelectEvents) -> Result<EventsWatch, Error> {
        self.require_reader()?;
        let (filter, after) = self.select(request, Violations::default())?;
        let begin = after.unwrap_or_else(|| FeedPosition::settled(self.read_time()));
        let mut watch = EventsWatch {
            drafts: self.clone(),
            filter,
            begin,
            position: begin,
            waiting: VecDeque::new(),
            has_more: false,
            updated_at: None,
            has_ended: false,
        };
        watch.read().await?;
        Ok(watch)
    }

    /// Returns the current time for reads of watches.
    fn read_time(&self) -> SystemTime {
        let now = self.shared.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UNIX_EPOCH + Duration::from_secs(now.as_secs() / PAUSE.as_secs() * PAUSE.as_secs())
    }
}

impl EventsWatch {
    /// Waits for an event, and returns it. The first update has the cursor of the beginning. Returns `None` after an error.
    pub async fn next(&mut self) -> Option<Result<EventsUpdate, Error>> {
        if self.has_ended {
            return None;
        }
        if self.updated_at.is_none() {
            return Some(Ok(self.update(self.begin, None)));
        }
        loop {
            if let Some((entry, event)) = self.waiting.pop_front() {
                return Some(Ok(self.update(entry.into(), Some(event.into()))));
            }
            if self.updated_at.is_none_or(|at| at.elapsed() >= CURSOR_INTERVAL) {
                return Some(Ok(self.update(self.position, None)));
            }
            if !self.has_more {
                sleep(PAUSE).await;
            }
            if let Err(error) = self.read().await {
                self.has_ended = true;
                return Some(Err(error));
            }
        }
    }

    fn update(&mut self, position: FeedPosition, event: Option<FeedEvent>) -> EventsUpdate {
        self.updated_at = Some(Instant::now());
        EventsUpdate {
            event,
            cursor: self.drafts.cursor(position),
        }
    }

    /// Reads the next page, unless another watch has read it.
    async fn read(&mut self) -> Result<(), Error> {
        let now = self.drafts.read_time();
        let range = (self.position, FeedPosition::settled(now));
        let shared = self.drafts.shared.feed_pages.page(range);
        let read = || self.drafts.read_feed(self.position, now, MAX_EVENTS_TOGETHER);
        let page = shared.get_or_try_init(read).await?;
        let held = page.entries.iter().filter(|(_, event)| self.filter.holds(event));
        self.waiting.extend(held.cloned());
        self.position = page.next;
        self.has_more = page.is_full;
        Ok(())
    }
}
