//! Every interleaving of a small world: two confirms, a client that uploads again, a sweep, and up to two faults.
//!
//! A path is a list of choices, and is run from the beginning each time; where it leads to a state that was seen before,
//! with as many faults left, it is not followed further.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use draftstore_storage::{ErrorKind, ObjectKey};

use super::HONOURS_ALL;
use super::audit::Broken;
use super::spec::{Fault, LIFETIME, Spec};
use super::task::Task;
use super::world::World;
use crate::confirm::{Existing, Pins};
use crate::sweep;
use crate::sweep::Part;

/// What may come next.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The client uploads again.
    Upload,
    /// The nth task does its next act, of those that it has under way this.
    Act(usize, usize, Fault),
    /// A server is killed.
    Kill(usize),
}

/// What is tried in every order.
#[derive(Debug, Clone)]
struct Scenario {
    confirms: [Spec; 2],
    /// The draft that is uploaded again.
    again: ObjectKey,
    /// Whether all drafts have expired when it begins.
    expired: bool,
    /// Bytes of the drafts: more than a copy can carry, or not.
    size: u64,
    /// Faults on a path, at most.
    faults: usize,
}

/// A path's end.
struct Reached {
    world: World,
    uploaded: bool,
    faults: usize,
}

impl Scenario {
    fn run(&self, path: &[Choice]) -> Result<Reached, Broken> {
        let mut reached = Reached {
            world: World::new(HONOURS_ALL),
            uploaded: false,
            faults: 0,
        };
        let world = &mut reached.world;
        for spec in &self.confirms {
            world.put(&spec.draft_key, self.size);
        }
        if self.expired {
            world.pass_time(2 * LIFETIME);
        }
        world.begin_confirm(0, self.confirms[0].clone());
        world.begin_confirm(1, self.confirms[1].clone());
        world.begin_sweep(2, Part::WHOLE)?;
        // It has seen that there are no unique drafts: there are none in this world.
        world.step(2, 0, Fault::No)?;
        for choice in path {
            match *choice {
                Choice::Upload => {
                    reached.world.put(&self.again, self.size);
                    reached.uploaded = true;
                }
                Choice::Act(task, which, fault) => {
                    reached.faults += usize::from(fault != Fault::No);
                    reached.world.step(task, which, fault)?;
                }
                Choice::Kill(server) => {
                    reached.faults += 1;
                    reached.world.kill(server);
                }
            }
        }
        Ok(reached)
    }

    /// Follows every path, and gives how many states there were.
    fn explore(&self) -> Result<usize, String> {
        let mut seen = HashSet::new();
        let mut paths = vec![Vec::new()];
        while let Some(path) = paths.pop() {
            let said = |Broken(what): Broken| format!("{what}\n{path:#?}\n{self:#?}");
            let mut reached = self.run(&path).map_err(said)?;
            if !seen.insert(fingerprint(&reached)) {
                continue;
            }
            let choices = self.choices(&reached);
            if choices.is_empty() {
                reached.world.come_to_an_end().map_err(said)?;
            }
            for choice in choices {
                let mut longer = path.clone();
                longer.push(choice);
                paths.push(longer);
            }
        }
        Ok(seen.len())
    }

    fn choices(&self, reached: &Reached) -> Vec<Choice> {
        let may_fail = reached.faults < self.faults;
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
                    let faults = [Fault::Before(ErrorKind::Unavailable), Fault::Lost];
                    choices.extend(faults.map(|fault| Choice::Act(task, which, fault)));
                }
            }
            if may_fail {
                choices.push(Choice::Kill(*server));
            }
        }
        choices
    }
}

/// A sweep that has done with drafts; there are no uploads in this world.
fn is_only_looking_for_uploads(task: &Task) -> bool {
    let is_look = |effect: &sweep::Effect| matches!(effect, sweep::Effect::ListUploads(_));
    matches!(task, Task::Sweep(sweep) if sweep.under_way.iter().all(|(_, effect)| is_look(effect)))
}

fn under_way(task: &Task) -> usize {
    match task {
        Task::Sweep(sweep) => sweep.under_way.len(),
        Task::Confirm(_) | Task::Batch { .. } => 1,
    }
}

fn fingerprint(reached: &Reached) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Reached {
        world,
        uploaded,
        faults,
    } = reached;
    format!("{uploaded} {faults} {world:?}").hash(&mut hasher);
    hasher.finish()
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
    }
}

fn holds(confirms: &[Spec; 2]) {
    // Copies in parts take more acts: with faults there are more ways than can be followed.
    for (expired, size, faults) in [(false, 1, 2), (true, 1, 2), (true, 10, 0)] {
        let scenario = Scenario {
            again: confirms[0].draft_key.clone(),
            confirms: confirms.clone(),
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
    let overwrite = Spec {
        existing: Existing::Replace(None),
        ..spec("b", "shared")
    };
    holds(&[spec("a", "shared"), overwrite]);
}
