//! The moves of confirmed objects to other storage classes by their age, where the store does not make them itself.
//!
//! A move is an update of the object: a copy of it onto itself, on condition that it is still the version that was listed. So a
//! confirm, a delete or a move that comes first wins, and a crash leaves the object in one class or the other.

mod moving;

use std::future::ready;

use draftstore_protocol::kept::due_transition;
use draftstore_storage::{Condition, Error, ErrorKind, Feature, ListObjects, ListedObject, MainBucket, Transition};
use futures::FutureExt as _;

use self::moving::{MoveEnd, Moving};
use super::{Cleaner, Mode, concurrently};
use crate::Store;
use crate::events::EventKind;

/// The results of the moves to other storage classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransitionsSwept {
    /// The number of objects that were moved.
    pub moved: u64,
    /// The number of objects that could not be moved.
    pub failed: u64,
    /// The bytes of the moved objects.
    pub bytes: u64,
}

impl Cleaner {
    /// Moves objects to the storage classes of their age, except by the transitions that are lifecycle rules of the bucket: these
    /// are the store's. A dry run calls `found` for each object instead, with its new class. Leaves everything to the cleaner of
    /// the first slice.
    ///
    /// Safe to run at the same time as calls and other sweeps: an object that changes meanwhile is left to the next sweep.
    ///
    /// # Errors
    /// Returns the error of a list, or of the look at the rules or the store. Objects that could not be moved are logged and
    /// counted.
    pub async fn sweep_transitions(
        &self,
        mode: Mode,
        found: &mut (dyn FnMut(&ListedObject, &str) + Send),
    ) -> Result<TransitionsSwept, Error> {
        let mut swept = TransitionsSwept::default();
        if self.slice.place().0 != 0 {
            return Ok(swept);
        }
        for main in self.store.buckets.confirmed() {
            let transitions = self.store.buckets.transitions_of(main);
            let own = self.not_of_the_store(main, transitions).await?;
            let Some(store) = self.store.at(main.name()).filter(|_| !own.is_empty()) else {
                continue;
            };
            // A dry run writes nothing, and the features of a store are found by writes.
            if mode == Mode::Delete
                && let Some((reason, remedy)) = obstacle(&store).await?
            {
                tracing::warn!(bucket = %main.name(), reason, remedy, "objects keep their storage class");
                continue;
            }
            let is_told = mode == Mode::Delete && self.wants(EventKind::ObjectUpdated).await;
            let mut pass = BucketPass {
                cleaner: self,
                store: &store,
                transitions,
                own: &own,
                is_told,
                swept: &mut swept,
            };
            pass.run(mode, found).await?;
        }
        Ok(swept)
    }

    /// Returns the transitions that are no lifecycle rules of the bucket.
    async fn not_of_the_store<'t>(
        &self,
        main: &MainBucket,
        transitions: &'t [Transition],
    ) -> Result<Vec<&'t Transition>, Error> {
        if transitions.is_empty() {
            return Ok(Vec::new());
        }
        let rules = match self.store.administration().transitions(main).await {
            Ok(rules) => rules,
            Err(error) if error.kind == ErrorKind::Unsupported => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(transitions.iter().filter(|one| !rules.contains(one)).collect())
    }
}

/// Returns the reason why the objects of a store's main bucket cannot be moved, and the remedy.
async fn obstacle(store: &Store) -> Result<Option<(&'static str, &'static str)>, Error> {
    let capabilities = store.profile.capabilities();
    if !(capabilities.honours(Condition::CopySource) && capabilities.honours(Condition::CopyOver)) {
        return Ok(Some((
            "the store does not honour the conditions of copies, or could not be probed",
            "set lifecycle rules in the store, and unset TRANSITIONS",
        )));
    }
    if store.administration().has_versions(&store.buckets.main).await? {
        return Ok(Some((
            "the bucket has versions, and a copy would leave the old one in the old class",
            "set lifecycle rules with `draftstore-server doctor --fix`",
        )));
    }
    if !store.features().await?.has(Feature::StorageClasses) {
        return Ok(Some(("the store has no storage classes", "unset TRANSITIONS")));
    }
    Ok(None)
}

/// A pass over one bucket.
struct BucketPass<'a> {
    cleaner: &'a Cleaner,
    /// The store with the bucket as its main bucket.
    store: &'a Store,
    transitions: &'a [Transition],
    /// The transitions that the store does not make itself.
    own: &'a [&'a Transition],
    /// Set if an endpoint may want the events of the moves.
    is_told: bool,
    swept: &'a mut TransitionsSwept,
}

impl BucketPass<'_> {
    async fn run(&mut self, mode: Mode, found: &mut (dyn FnMut(&ListedObject, &str) + Send)) -> Result<(), Error> {
        let mut request = ListObjects {
            prefix: Some(common_prefix(self.own)),
            ..ListObjects::default()
        };
        loop {
            let page = self
                .store
                .objects()
                .list(self.store.buckets.main.name(), &request)
                .await?;
            let now = self.cleaner.now(page.store_time);
            let transitions = self.transitions;
            let due = page.objects.into_iter().filter_map(|object| {
                let due = due_transition(transitions, &object, now)?;
                self.own.contains(&due).then_some((object, due.storage_class.as_str()))
            });
            let due: Vec<_> = due.collect();
            match mode {
                Mode::DryRun => due.iter().for_each(|(object, class)| found(object, class)),
                Mode::Delete => self.move_all(due).await,
            }
            request.continuation = page.next;
            if request.continuation.is_none() {
                return Ok(());
            }
        }
    }

    async fn move_all(&mut self, due: Vec<(ListedObject, &str)>) {
        let (cleaner, store, is_told) = (self.cleaner, self.store, self.is_told);
        let ended = concurrently(due, |(object, class)| {
            let size = object.size;
            let moving = Moving::new(cleaner, store, object, class, is_told);
            moving.run().then(move |end| ready((end, size))).boxed()
        });
        for (end, size) in ended.await {
            match end {
                MoveEnd::Moved => {
                    self.swept.moved += 1;
                    self.swept.bytes = self.swept.bytes.saturating_add(size);
                }
                MoveEnd::Left => {}
                MoveEnd::Failed => self.swept.failed += 1,
            }
        }
    }
}

/// Returns the longest prefix of all keys that the transitions are for.
fn common_prefix(transitions: &[&Transition]) -> String {
    let prefixes = transitions.iter().map(|transition| transition.prefix.as_str());
    let common = prefixes.reduce(|one, other| {
        let same = one.char_indices().zip(other.chars()).take_while(|((_, a), b)| a == b);
        let end = same.last().map_or(0, |((at, last), _)| at + last.len_utf8());
        &one[..end]
    });
    common.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_listed_than_the_transitions_are_for() {
        let common = |prefixes: &[&str]| {
            let transitions = prefixes.iter().map(|prefix| Transition {
                prefix: (*prefix).to_owned(),
                days: 1,
                storage_class: "GLACIER".to_owned(),
            });
            let transitions: Vec<_> = transitions.collect();
            common_prefix(&transitions.iter().collect::<Vec<_>>())
        };
        assert_eq!(common(&["logs/a", "logs/b", "logs/"]), "logs/");
        assert_eq!(common(&["logs/", ""]), "");
        assert_eq!(common(&["ä/x", "ä/y"]), "ä/");
        assert_eq!(common(&["a", "b"]), "");
    }
}
