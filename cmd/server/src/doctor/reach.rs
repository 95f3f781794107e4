//! Whether the store can be reached, knows us, has the buckets, and has the same time.

use std::time::{Duration, SystemTime};

use draftstore_storage::{BucketName, Error, ErrorKind, ListObjects, ObjectPage};

use super::report::Line;
use super::subject::Subject;
use super::{MAKE_BUCKETS, said};

/// Clocks further apart make URLs end noticeably early or late; stores refuse requests from a quarter of an hour on.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// The lines, and whether there is something to go on with.
pub(super) async fn check(subject: &Subject) -> (Vec<Line>, bool) {
    let draft = first_page(subject, subject.draft()).await;
    let mut lines = vec![bucket("draft bucket", subject.draft(), &draft)];
    let Ok(page) = draft else {
        return (lines, false);
    };
    let main = first_page(subject, subject.main()).await;
    lines.push(bucket("main bucket", subject.main(), &main));
    if let Some(store_time) = page.store_time {
        lines.push(clock(store_time, SystemTime::now()));
    } else {
        lines.push(Line::info("clock", "the store does not tell its time"));
    }
    (lines, main.is_ok())
}

async fn first_page(subject: &Subject, bucket: &BucketName) -> Result<ObjectPage, Error> {
    let one = ListObjects {
        max_keys: Some(1),
        ..ListObjects::default()
    };
    subject.storage.list(bucket, &one).await
}

fn bucket(what: &str, name: &BucketName, page: &Result<ObjectPage, Error>) -> Line {
    let check = format!("{what} {name}");
    let Err(error) = page else {
        return Line::ok(check, "is there and can be listed");
    };
    match error.kind {
        ErrorKind::BucketNotFound => Line::missing(check, "is not there", MAKE_BUCKETS),
        ErrorKind::Unavailable => Line::failed(
            check,
            said(error),
            "S3_ENDPOINT must lead to the store, and the store must run",
        ),
        ErrorKind::CredentialsRefused => Line::failed(
            check,
            said(error),
            "the credentials and AWS_REGION must be the store's, and must allow ListBucket on both buckets",
        ),
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => Line::failed(check, said(error), "S3_ENDPOINT must lead to a store that speaks S3"),
    }
}

fn clock(store: SystemTime, here: SystemTime) -> Line {
    let (skew, effect) = match here.duration_since(store) {
        Ok(ahead) => (
            ahead,
            "ahead of the store: URLs end later than they say, and the store may refuse requests",
        ),
        Err(behind) => (behind.duration(), "behind the store: URLs end earlier than they say"),
    };
    if skew <= MAX_SKEW {
        return Line::ok("clock", "within a minute of the store's");
    }
    let meaning = format!("this machine is {} s {effect}", skew.as_secs());
    Line::weak("clock", meaning, "set the clocks by NTP")
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn clocks_more_than_a_minute_apart_weaken() {
        let now = SystemTime::now();
        for (skew, outcome) in [(0, Outcome::Ok), (60, Outcome::Ok), (61, Outcome::Weak)] {
            let skew = Duration::from_secs(skew);
            assert_eq!(clock(now, now + skew).outcome, outcome);
            assert_eq!(clock(now, now - skew).outcome, outcome);
        }
    }
}
