//! Every interleaving of two small worlds. One has two confirms, a client that uploads again, a sweep, and up to two faults.
//! The other has two calls that replace, delete, move or restore one object on two servers.
//!
//! The search follows worlds one choice at a time. It does not follow a world again that it has seen with as many
//! faults left.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use draftstore_storage::{ErrorKind, ObjectKey};

use super::HONOURS_ALL;
use super::audit::Broken;
use super::spec::{Fault, LIFETIME, Spec};
use super::task::Task;
use super::transferring::TransferSpec;
use super::world::World;
use crate::confirm::{Existing, Pins};
use crate::kept::{Expected, TransferKind};
use crate::sweep;
use crate::sweep::Slice;

/// A choice of the next event.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The client uploads again.
    Upload,
    /// A task performs its next act. The second number selects among the acts that a sweep has in progress.
    Act(usize, usize, Fault),
    /// A server deletes the drafts that its confirms left.
    Delete(usize, Fault),
    /// A server is killed.
    Kill(usize),
}

/// A call on an object that is there, and was replaced once.
#[derive(Debug, Clone)]
enum Call {
    Confirm(Spec),
    Delete(ObjectKey),
    /// Restores what was replaced last.
    Restore(ObjectKey),
    Transfer(TransferSpec),
}

/// The place in which main keeps what is replaced or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Versions,
    Copies,
}

/// The setup of a search.
#[derive(Debug, Clone)]
struct Scenario {
    calls: [Call; 2],
    /// Set if there is an object before the calls. Then nothing is swept.
    keeps: Option<Keeps>,
    /// The draft that is uploaded again.
    again: Option<ObjectKey>,
    /// Set if all drafts have expired at the start.
    expired: bool,
    /// The size of the drafts in bytes, which decides if they are staged.
    size: u64,
    /// The maximum number of faults on a path.
    faults: usize,
}

/// A world, and the choices that led to it.
#[derive(Debug, Clone)]
struct Reached {
    world: World,
    uploaded: bool,
    faults: usize,
    path: Vec<Choice>,
}

impl Reached {
    fn choose(&mut self, scenario: &Scenario, choice: Choice) -> Result<(), Broken> {
        self.path.push(choice);
        match choice {
            Choice::Upload => {
                if let Some(again) = &scenario.again {
                    self.world.put(again, scenario.size);
                }
                self.uploaded = true;
            }
            Choice::Act(task, which, fault) => {
                self.faults += usize::from(fault != Fault::No);
                self.world.step(task, which, fault)?;
            }
            Choice::Delete(server, fault) => {
                self.faults += usize::from(fault != Fault::No);
                self.world.delete_leftovers(server, fault)?;
            }
            Choice::Kill(server) => {
                self.faults += 1;
                self.world.kill(server);
            }
        }
        Ok(())
    }

    /// Returns a digest of everything except the path.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.world, self.uploaded, self.faults).hash(&mut hasher);
        hasher.finish()
    }
}

impl Scenario {
    fn begin(&self) -> Result<Reached, Broken> {
        let mut world = World::new(HONOURS_ALL);
        if let Some(keeps) = self.keeps {
            world.store.keeps_versions = keeps == Keeps::Versions;
            world.store.keeps_replaced = keeps == Keeps::Copies;
            for draft in ["first", "second"] {
                world.put(&key(draft), self.size);
                world.begin_confirm(0, replace(draft, "shared"));
                world.run_all()?;
            }
            world.drain()?;
            world.ended.clear();
        }
        for call in &self.calls {
            if let Call::Confirm(spec) = call {
                world.put(&spec.draft_key, self.size);
            }
        }
        if self.expired {
            world.pass_time(2 * LIFETIME);
        }
        for (server, call) in self.calls.iter().cloned().enumerate() {
            match call {
                Call::Confirm(spec) => world.begin_confirm(server, spec),
                Call::Delete(key) => world.begin_delete(server, key, None),
                Call::Transfer(spec) => world.begin_transfer(server, spec),
                Call::Restore(key) => {
                    let replaced = world.store.restorable(&key).last();
                    world.begin_restore(server, key, replaced, Expected::Any);
                }
            }
        }
        if self.keeps.is_none() {
            world.begin_sweep(2, Slice::WHOLE)?;
            // The sweep's first page shows that this world has no unique drafts.
            world.step(2, 0, Fault::No)?;
        }
        Ok(Reached {
            world,
            uploaded: self.again.is_none(),
            faults: 0,
            path: Vec::new(),
        })
    }

    /// Follows every path, and returns the number of states.
    fn explore(&self) -> Result<usize, String> {
        let mut seen = HashSet::new();
        let said = |Broken(what): Broken, path: &[Choice]| format!("{what}\n{path:#?}\n{self:#?}");
        let first = self.begin().map_err(|broken| said(broken, &[]))?;
        seen.insert(first.fingerprint());
        let mut open = vec![first];
        while let Some(mut reached) = open.pop() {
            let choices = self.choices(&reached);
            if choices.is_empty() {
                let ended = reached.world.come_to_an_end();
                ended.map_err(|broken| said(broken, &reached.path))?;
            }
            for choice in choices {
                let mut next = reached.clone();
                let chosen = next.choose(self, choice);
                chosen.map_err(|broken| said(broken, &next.path))?;
                if seen.insert(next.fingerprint()) {
                    open.push(next);
                }
            }
        }
        Ok(seen.len())
    }

    fn choices(&self, reached: &Reached) -> Vec<Choice> {
        let may_fail = reached.faults < self.faults;
        let faults = [Fault::Before(ErrorKind::Unavailable), Fault::Lost];
        let mut choices = Vec::new();
        if !reached.uploaded {
            choices.push(Choice::Upload);
        }
        for (task, (server, what)) in reached.world.tasks.iter().enumerate() {
            if is_only_looking_for_uploads(what) {
                continue;
            }
            for which in 0..under_way(what) {
                choices.push(Choice::Act(task, which, Fault::No));
                if may_fail {
                    choices.extend(faults.map(|fault| Choice::Act(task, which, fault)));
                }
            }
            if may_fail {
                choices.push(Choice::Kill(*server));
            }
        }
        for server in reached.world.with_leftovers() {
            choices.push(Choice::Delete(server, Fault::No));
            if may_fail {
                choices.extend(faults.map(|fault| Choice::Delete(server, fault)));
                choices.push(Choice::Kill(server));
            }
        }
        choices
    }
}

/// Returns true for a sweep that only lists uploads, of which this world has none.
fn is_only_looking_for_uploads(task: &Task) -> bool {
    let is_look = |effect: &sweep::Effect| matches!(effect, sweep::Effect::ListUploads(_));
    matches!(task, Task::Sweep(sweep) if sweep.under_way.iter().all(|(_, effect)| is_look(effect)))
}

fn under_way(task: &Task) -> usize {
    match task {
        Task::Sweep(sweep) => sweep.under_way.len(),
        Task::Confirm(_)
        | Task::Batch { .. }
        | Task::Check(_)
        | Task::Delete(_)
        | Task::Transfer(_)
        | Task::Restore(_) => 1,
    }
}

fn key(name: &str) -> ObjectKey {
    name.parse().expect("a key")
}

fn spec(draft: &str, main: &str) -> Spec {
    Spec {
        draft_key: key(draft),
        main_key: key(main),
        pins: Pins::default(),
        existing: Existing::Keep,
        idempotency_key: None,
        checks: 0,
    }
}

fn replace(draft: &str, main: &str) -> Spec {
    Spec {
        existing: Existing::Replace(None),
        ..spec(draft, main)
    }
}

fn moved(to: &str) -> Call {
    Call::Transfer(TransferSpec {
        kind: TransferKind::Move,
        source: key("shared"),
        destination: key(to),
        existing: Existing::Keep,
        key: None,
    })
}

fn holds(confirms: &[Spec; 2]) {
    // Copies in parts take more acts. With faults, there would be too many paths to follow.
    for (expired, size, faults) in [(false, 1, 2), (true, 1, 2), (true, 10, 0)] {
        let scenario = Scenario {
            again: Some(confirms[0].draft_key.clone()),
            calls: confirms.clone().map(Call::Confirm),
            keeps: None,
            expired,
            size,
            faults,
        };
        match scenario.explore() {
            Ok(states) => println!("{states} states"),
            Err(broken) => panic!("{broken}"),
        }
    }
}

#[test]
fn model_every_interleaving_of_two_confirms_of_one_draft_holds() {
    holds(&[spec("a", "a"), spec("a", "a")]);
}

#[test]
fn model_every_interleaving_of_two_drafts_for_one_name_holds() {
    holds(&[spec("a", "shared"), spec("b", "shared")]);
}

#[test]
fn model_every_interleaving_of_a_confirm_and_an_overwrite_holds() {
    holds(&[spec("a", "shared"), replace("b", "shared")]);
}

#[test]
fn model_every_interleaving_of_two_requests_with_one_key_holds() {
    let with_key = |draft: &str| Spec {
        idempotency_key: Some("k".to_owned()),
        ..spec(draft, "shared")
    };
    holds(&[with_key("a"), with_key("b")]);
}

#[test]
fn model_every_interleaving_of_two_changes_of_one_object_holds() {
    let replaced = |draft| Call::Confirm(replace(draft, "shared"));
    let (deleted, restored) = (Call::Delete(key("shared")), Call::Restore(key("shared")));
    let mut states = 0;
    for keeps in [Keeps::Versions, Keeps::Copies] {
        for calls in [
            [replaced("a"), replaced("b")],
            [replaced("a"), deleted.clone()],
            [replaced("a"), restored.clone()],
            [replaced("a"), moved("c")],
            [deleted.clone(), deleted.clone()],
            [deleted.clone(), restored.clone()],
            [deleted.clone(), moved("c")],
            [restored.clone(), restored.clone()],
            [restored.clone(), moved("c")],
            [moved("c"), moved("d")],
            [moved("c"), moved("c")],
        ] {
            let scenario = Scenario {
                calls,
                keeps: Some(keeps),
                again: None,
                expired: false,
                size: 1,
                faults: 2,
            };
            states += scenario.explore().unwrap_or_else(|broken| panic!("{broken}"));
        }
    }
    println!("{states} states");
}
