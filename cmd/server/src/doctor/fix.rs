//! The option `--fix`, which sets up buckets, CORS and the lifecycle rules. Idempotent.

use draftstore_service::{AllowedOrigins, Drafts, Policy};
use draftstore_storage::ErrorKind;

use super::lifecycle::{NOT_SUPPORTED, wanted};
use super::report::Line;
use super::said;
use super::subject::Subject;

pub(super) async fn fix(subject: &Subject, drafts: &Drafts, policy: &Policy, origins: &AllowedOrigins) -> Vec<Line> {
    let ready = match drafts.create_buckets().await {
        Ok(ready) => ready,
        Err(error) => {
            let meaning = format!("{:#}", anyhow::Error::from(error));
            let remedy = "allow CreateBucket and PutBucketCORS for these credentials, or create the buckets manually";
            return vec![Line::failed("buckets", meaning, remedy)];
        }
    };
    let created: Vec<_> = ready.created.iter().map(ToString::to_string).collect();
    let buckets = match created.as_slice() {
        [] => "exist".to_owned(),
        created => format!("created {}", created.join(" and ")),
    };
    let cors = match (ready.cors_applied, origins.as_slice()) {
        (true, origins) => Line::ok("CORS", format!("set for {}", origins.join(", "))),
        (false, []) => Line::info("CORS", "unchanged: CORS_ALLOWED_ORIGINS is empty"),
        (false, _) => Line::info(
            "CORS",
            "not supported by this store's API: configure it in the store itself",
        ),
    };
    let mut lines = vec![Line::ok("buckets", buckets), cors, lifecycle(subject, policy).await];
    lines.extend(transitions(subject).await);
    lines
}

/// Sets the transitions of each bucket that has some, and removes those that an earlier call has set elsewhere.
async fn transitions(subject: &Subject) -> Vec<Line> {
    let mut lines = Vec::new();
    for bucket in subject.buckets.confirmed() {
        let transitions = subject.buckets.transitions_of(bucket);
        let check = format!("transitions of {}", bucket.name());
        match subject.storage.put_transitions(bucket, transitions).await {
            _ if transitions.is_empty() => {}
            Ok(()) => lines.push(Line::ok(check, "set")),
            Err(error) if error.kind == ErrorKind::Unsupported => {
                lines.push(Line::info(check, "not supported by this store"));
            }
            Err(error) => lines.push(Line::info(check, format!("not set: {}", said(&error)))),
        }
    }
    lines
}

async fn lifecycle(subject: &Subject, policy: &Policy) -> Line {
    let put = subject
        .storage
        .put_lifecycle(&subject.buckets.draft, &wanted(policy))
        .await;
    match put {
        Ok(()) => Line::ok("lifecycle", "set on the draft bucket"),
        Err(error) if error.kind == ErrorKind::Unsupported => Line::info("lifecycle", NOT_SUPPORTED),
        Err(error) => Line::info("lifecycle", format!("not set: {}", said(&error))),
    }
}
