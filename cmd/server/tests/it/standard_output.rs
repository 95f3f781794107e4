//! Tests of a standard output that is closed, as `head` leaves it.

use draftstore_testing::TestBuckets;

use crate::server::command;

#[tokio::test(flavor = "multi_thread")]
async fn closed_output_is_no_error() {
    let world = TestBuckets::embedded().await;
    let variables = [
        ("BUCKET_NAME", "files"),
        ("S3_ENDPOINT", &world.endpoint.url),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
    ];
    for arguments in [
        &["doctor"][..],
        &["key", "new", "--name", "shop"],
        &["key", "ticket"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = command();
        command.envs(variables).args(arguments).stdout(writer);
        let ended = command.output().expect("runs");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        assert!(ended.status.success(), "{arguments:?}: {said}");
        assert!(
            !said.contains("panicked") && !said.contains("Broken pipe"),
            "{arguments:?}: {said}"
        );
    }
}
