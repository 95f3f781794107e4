//! The check that the store is reachable, accepts the credentials, has the buckets, and has the same time.

use std::time::{Duration, SystemTime};

use draftstore_storage::{BucketName, Error, ErrorKind, ListObjects, ObjectPage};

use super::report::Line;
use super::subject::Subject;
use super::{CREATE_BUCKETS, said};

/// The maximum clock skew. A larger one makes URLs expire noticeably early or late, and from 15 minutes on stores refuse
/// requests.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// Runs the check. Returns its lines, and whether the other checks are possible.
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
        lines.push(Line::info("clock", "the store does not send its time"));
    }
    let mut goes_on = main.is_ok();
    for destination in &subject.buckets.destinations {
        let page = first_page(subject, destination.name()).await;
        goes_on &= page.is_ok();
        lines.push(bucket("destination bucket", destination.name(), &page));
    }
    (lines, goes_on)
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
        return Line::ok(check, "exists and can be listed");
    };
    match error.kind {
        ErrorKind::BucketNotFound => Line::missing(check, "does not exist", CREATE_BUCKETS),
        ErrorKind::Unavailable => Line::failed(
            check,
            said(error),
            "set S3_ENDPOINT to the store's address, and make sure that the store is running",
        ),
        ErrorKind::CredentialsRefused => Line::failed(
            check,
            said(error),
            "set the store's credentials and AWS_REGION, and allow ListBucket on every bucket",
        ),
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => Line::failed(check, said(error), "set S3_ENDPOINT to a store with the S3 API"),
    }
}

fn clock(store: SystemTime, here: SystemTime) -> Line {
    let (skew, effect) = match here.duration_since(store) {
        Ok(ahead) => (
            ahead,
            "ahead of the store: URLs expire later than stated, and the store may refuse requests",
        ),
        Err(behind) => (behind.duration(), "behind the store: URLs expire earlier than stated"),
    };
    if skew <= MAX_SKEW {
        return Line::ok("clock", "within a minute of the store's");
    }
    let meaning = format!("this machine is {} s {effect}", skew.as_secs());
    Line::weak("clock", meaning, "synchronize the clocks with NTP")
}

#[cfg(test)]
mod tests {
    use super::super::report::Outcome;
    use super::*;

    #[test]
    fn clock_skew_over_a_minute_is_a_problem() {
        let now = SystemTime::now();
        for (skew, outcome) in [(0, Outcome::Ok), (60, Outcome::Ok), (61, Outcome::Weak)] {
            let skew = Duration::from_secs(skew);
            assert_eq!(clock(now, now + skew).outcome, outcome);
            assert_eq!(clock(now, now - skew).outcome, outcome);
        }
    }
}
