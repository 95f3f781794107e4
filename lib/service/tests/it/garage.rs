//! The promises of confirm, batch and sweep on Garage, with the profile that a probe finds there.
//!
//! This program runs itself once more, with every system on a Garage of its own. What Garage cannot keep is named below; that
//! it lacks those conditions is asserted by the conformance suite.

use std::process::Command;

/// Tells the second run where its stores are.
const STORE: &str = "TEST_STORE";

/// Modules whose tests run there. Not `staged`: Garage copies no parts of objects of a few bytes, and the conformance suite
/// stages larger ones on it.
const MODULES: [&str; 4] = ["batch::", "confirm::", "sweep::", "weak_store::"];

/// The cells of the matrix of faults have a store of their own.
const NOT_HERE: &str = "faults::";

/// Promises that rest on what Garage lacks, each with what that is.
const NOT_ON_GARAGE: [(&str, &str); 8] = [
    (
        "batch::object_that_another_put_over_ours_is_not_taken_back",
        "DeleteObject with If-Match",
    ),
    (
        "batch::object_that_another_confirm_made_is_not_taken_back",
        "the other confirm waits for the batch's locks instead",
    ),
    (
        "batch::what_may_be_taken_back_answers_nobody_and_is_not_replaced",
        "the other confirm waits for the batch's locks instead",
    ),
    (
        "confirm::draft_uploaded_after_the_copy_is_not_deleted",
        "DeleteObject with If-Match",
    ),
    (
        "confirm::object_that_comes_into_main_first_wins",
        "CopyObject with If-None-Match, where another than this server writes to main",
    ),
    (
        "confirm::overwrite_does_not_replace_what_it_has_not_seen",
        "CopyObject with If-Match, where another than this server writes to main",
    ),
    (
        "sweep::draft_uploaded_again_during_the_sweep_stays",
        "DeleteObjects with an ETag per key",
    ),
    (
        "weak_store::draft_uploaded_again_before_the_sweep_looks_stays",
        "it is about stores that honour one of the two deletes",
    ),
];

/// Promises that are kept there.
const KEPT: usize = 34;

/// Whether this is the second run.
pub(crate) fn is_chosen() -> bool {
    std::env::var(STORE).is_ok_and(|store| store == "garage")
}

#[test]
#[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-service --test it -- --ignored"]
fn promises_hold_on_garage() {
    let program = std::env::current_exe().expect("this program has a path");
    let mut second = Command::new(program);
    second.env(STORE, "garage").args(MODULES).arg("--test-threads=4");
    second.args(["--skip", NOT_HERE]);
    for (promise, lack) in NOT_ON_GARAGE {
        println!("not on Garage: {promise}, for {lack}");
        second.args(["--skip", promise]);
    }
    let output = second.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let kept = said
        .lines()
        .filter(|line| line.starts_with("test ") && line.ends_with(" ... ok"));
    assert_eq!(kept.count(), KEPT, "{said}");
    println!("{said}");
}
