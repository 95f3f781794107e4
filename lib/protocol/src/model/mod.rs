//! The confirm and the sweep, as they ship, on a store in memory: whatever the schedule, the invariants hold.
//!
//! The protocols are state machines without I/O, so that a model can drive the very code that ships: it decides whose
//! act comes next, and what goes wrong with it. [`world`] has clients that upload, upload again and discard, [`running`] servers that
//! confirm, confirm in batches and sweep and that are killed between any two acts, calls that fail, whose answers are
//! lost, or that come to pass later, lists that are stale, and time that passes. [`audit`] sees every act and every
//! answer, and says which invariant was broken; it never asks the code under test.
//!
//! [`random`] makes random schedules, [`exhaustive`] all of a small world. Each kind of store is promised what its
//! conditions allow, see [`PROFILES`] below.
//!
//! `MODEL_SCHEDULES=1000000 cargo test -p draftstore-protocol model` runs longer; `MODEL_SEED` begins elsewhere.

mod audit;
mod confirming;
mod end;
mod exhaustive;
mod random;
mod running;
mod spec;
mod staging;
mod store;
mod sweeping;
mod task;
mod world;

use draftstore_storage::{Capabilities, Condition, Support};

use self::spec::{Profile, Promises};

/// Random schedules of each profile, unless told otherwise.
const SCHEDULES: u64 = 50_000;

/// AWS S3 and the embedded store: everything is promised, however many servers there are, and whatever comes late.
const HONOURS_ALL: Profile = Profile {
    honours: Capabilities::ALL,
    promises: Promises {
        named_drafts_are_safe: true,
    },
    servers: 2,
    late: true,
};

/// Garage: conditions on the source alone. One server makes up for conditions on main by its locks; a named draft that is
/// uploaded again while its predecessor is deleted is not safe, a unique one is.
const SOURCE_ALONE: Profile = Profile {
    honours: Capabilities::NONE
        .with(Condition::CopySource, Support::Honoured)
        .with(Condition::PartSource, Support::Honoured),
    promises: Promises {
        named_drafts_are_safe: false,
    },
    servers: 1,
    late: false,
};

/// Ceph RGW: uploads that are made once alone. Everything is staged, and looked at again before it can be seen.
const UPLOAD_ONCE_ALONE: Profile = Profile {
    honours: Capabilities::NONE.with(Condition::UploadOnce, Support::Honoured),
    promises: Promises {
        named_drafts_are_safe: false,
    },
    servers: 1,
    late: false,
};

/// A store that honours nothing, or was not probed yet.
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
