//! Every target over its seeds, and over some of them changed at random: on stable Rust, so that none can rot.

use draftstore_fuzz::{TARGETS, seeds};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Random inputs for each target.
const CHANGED: usize = 2_000;

#[test]
fn targets_hold_over_their_seeds_and_near_them() {
    for (name, run) in TARGETS {
        let seeds = seeds::of(name);
        assert!(seeds.len() > 100, "{name}");
        for seed in &seeds {
            run(seed);
        }
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..CHANGED {
            let mut input = seeds[random.random_range(0..seeds.len())].clone();
            for _ in 0..random.random_range(1..8) {
                let at = random.random_range(0..=input.len());
                match random.random_range(0..3) {
                    0 => input.insert(at, random.random()),
                    1 if at < input.len() => input[at] = random.random(),
                    _ => input.truncate(at.max(1)),
                }
            }
            run(&input);
        }
    }
}
