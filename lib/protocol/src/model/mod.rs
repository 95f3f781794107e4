//! The model: runs the production code of confirm and sweep on a store in memory, and checks the invariants.
//!
//! The protocols are state machines without I/O, so the model can drive the same code that ships. It decides which act
//! comes next, and which fault it has. In [`world`], clients upload, upload again and discard. In [`running`], servers
//! check, confirm, confirm in batches, delete, copy, move, update, restore and sweep, and are killed between any two acts.
//! Main has versions, or the servers keep copies of what they replace and delete. Calls fail, their answers get lost, or
//! they take effect later; lists are stale; time passes. [`audit`] sees every act and every answer, and reports
//! violated invariants. It never calls the code under test.
//!
//! [`random`] makes random schedules, some of which begin with a [`contest`], and [`exhaustive`] makes all schedules of a small world. The promises for each
//! kind of store depend on its conditions: see the profiles below.
//!
//! `MODEL_SCHEDULES=1000000 cargo test -p draftstore-protocol model` runs longer. `MODEL_SEED` sets the first seed.

mod audit;
mod checking;
mod confirming;
mod contest;
mod deleting;
mod end;
mod exhaustive;
mod keeping;
mod random;
mod removing;
mod restoring;
mod running;
mod spec;
mod staging;
mod store;
mod sweeping;
mod task;
mod transferring;
mod world;

use draftstore_storage::{Capabilities, Condition, Support};

use self::spec::{Profile, Promises};

/// The default number of random schedules for each profile.
const SCHEDULES: u64 = 50_000;

/// AWS S3 and the embedded store. Everything is promised, with any number of servers and late effects.
const HONOURS_ALL: Profile = Profile {
    honours: Capabilities::ALL,
    misjudged: None,
    promises: Promises {
        named_drafts_are_safe: true,
        shows_swapped_copies: false,
    },
    servers: 2,
    late: true,
};

/// A store that honours every condition but those of a call that deletes many drafts, so that each is deleted alone.
const SINGLE_DELETES: Profile = Profile {
    honours: Capabilities::ALL.with(Condition::DeleteMany, Support::Ignored),
    ..HONOURS_ALL
};

/// Garage, which honours only conditions on the source. With a single server, locks replace the conditions on main. A
/// named draft that is uploaded again during the deletion of its predecessor is not safe, and a unique draft is.
const SOURCE_ALONE: Profile = Profile {
    honours: Capabilities::NONE
        .with(Condition::CopySource, Support::Honoured)
        .with(Condition::PartSource, Support::Honoured)
        .with(Condition::CopyMd5, Support::Honoured),
    misjudged: None,
    promises: Promises {
        named_drafts_are_safe: false,
        shows_swapped_copies: false,
    },
    servers: 1,
    late: false,
};

/// Ceph RGW, which honours only the condition of unique uploads. All copies are staged, and verified before they are
/// visible.
const UPLOAD_ONCE_ALONE: Profile = Profile {
    honours: Capabilities::NONE.with(Condition::UploadOnce, Support::Honoured),
    misjudged: None,
    promises: Promises {
        named_drafts_are_safe: false,
        shows_swapped_copies: false,
    },
    servers: 1,
    late: false,
};

/// A store that checks the source of a copy and acts later, so seldom that the probe did not notice. A swapped copy is found
/// by its `ETag`.
const SWAPS_COPIES: Profile = Profile {
    honours: Capabilities::ALL.with(Condition::CopySource, Support::NotAtomic),
    misjudged: Some(Condition::CopySource),
    promises: Promises {
        named_drafts_are_safe: true,
        shows_swapped_copies: true,
    },
    ..HONOURS_ALL
};

/// A store that honours no condition, or was not probed yet.
const HONOURS_NOTHING: Profile = Profile {
    honours: Capabilities::NONE,
    ..UPLOAD_ONCE_ALONE
};

fn schedules_hold(profile: Profile) {
    let from_env = |name: &str, default| {
        let text = std::env::var(name).ok();
        text.map_or(default, |text| {
            text.parse().expect("MODEL_SCHEDULES and MODEL_SEED are numbers")
        })
    };
    let first = from_env("MODEL_SEED", 0);
    let schedules = from_env("MODEL_SCHEDULES", SCHEDULES);
    for seed in first..first + schedules {
        if let Err(broken) = random::run(profile, seed) {
            panic!("{broken}");
        }
    }
    println!("{schedules} schedules hold");
}

#[test]
fn model_invariants_hold_where_everything_is_honoured() {
    schedules_hold(HONOURS_ALL);
}

#[test]
fn model_invariants_hold_where_only_single_deletes_are_conditional() {
    schedules_hold(SINGLE_DELETES);
}

#[test]
fn model_invariants_hold_where_a_copy_may_be_of_another_version() {
    schedules_hold(SWAPS_COPIES);
}

#[test]
fn model_invariants_hold_where_only_the_source_is_conditional() {
    schedules_hold(SOURCE_ALONE);
}

#[test]
fn model_invariants_hold_where_only_uploads_are_made_once() {
    schedules_hold(UPLOAD_ONCE_ALONE);
}

#[test]
fn model_invariants_hold_where_nothing_is_honoured() {
    schedules_hold(HONOURS_NOTHING);
}
