//! Tests of a sharded sweep: each cronjob sweeps its shard, and together they sweep the whole bucket once.

use draftstore_testing::TestBuckets;

use crate::{SHORT_LIVED, cronjob, run, sweep_until_expired, variables};

/// The prefix of the ID of a unique draft that expired in 2020. The last two letters of the ID determine the shard.
const LONG_AGO: &str = "01DXF6DT0000000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn shards_together_sweep_everything_once() {
    let world = TestBuckets::embedded().await;
    let unique = |shard: &str, end: &str| format!(".drafts/{shard}/{LONG_AGO}{end}/file.jpg");
    let drafts = [
        unique("00", "00"),
        unique("7f", "3Z"),
        unique("ff", "7Z"),
        ".drafts/settled/01DXF6DT00000000000000000".to_owned(),
        "0".to_owned(),
        "K/file.jpg".to_owned(),
        "zz".to_owned(),
        "é".to_owned(),
    ];
    for draft in &drafts {
        world.draft(draft, "bytes").await;
    }
    for upload in ["!", "k", &unique("80", "40")] {
        world.begin_upload(upload).await;
    }
    // A multipart copy that a crash left behind, and the note by which the sweep finds it.
    world.draft(&format!(".drafts/staging/{LONG_AGO}00/staged"), "").await;
    world.begin_upload_in(world.main.name(), "staged").await;

    let all = drafts.len() + 3 + 1;
    sweep_until_expired(&world, &["--dry-run"], all);
    let mut deleted = Vec::new();
    for shard in ["0", "1", "2"] {
        let part = [("SWEEP_SHARDS", "3"), ("JOB_COMPLETION_INDEX", shard)];
        let (output, printed) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &part].concat()));
        assert!(output.status.success(), "{printed}");
        let number = printed.split("deleted ").nth(1).and_then(|rest| rest.split(',').next());
        deleted.push(
            number
                .and_then(|number| number.parse::<usize>().ok())
                .expect("a summary"),
        );
    }
    assert!(deleted.iter().all(|deleted| *deleted >= 2), "{deleted:?}");
    assert_eq!(
        deleted.iter().sum::<usize>(),
        all + 1,
        "with the staged copy: {deleted:?}"
    );
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
    assert_eq!((world.uploads().await, world.main_uploads().await), (0, 0));
}

#[test]
fn shard_number_must_be_less_than_the_count() {
    let (output, printed) = run(cronjob(&[("SWEEP_SHARD", "3"), ("SWEEP_SHARDS", "3")]));
    assert_eq!(output.status.code(), Some(64));
    assert!(
        printed.contains("SWEEP_SHARD: must be less than SWEEP_SHARDS"),
        "{printed}"
    );
}
