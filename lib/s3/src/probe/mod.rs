//! The conditions that the store really enforces.
//!
//! Each operation is tried as it is used, without a condition. Each condition is then tried on keys of its own, once where
//! it does not hold and once where it does, and the resulting bytes show if the store enforced it. A condition that
//! seems to be enforced is tried in races, because some stores check before they act. Copies go from the draft bucket to the
//! draft bucket: a store treats all buckets alike, and a probe must not write to main.

mod copy;
mod delete;
mod features;
mod md5;
mod multipart;
mod operation;
mod race;
mod scratch;
mod upload;

use draftstore_storage::{Capabilities, Condition, DraftBucket, Error, ObjectKey, Support};
use futures::future::{join, join_all};

pub(super) use self::features::features;
use self::operation::ProbedOperation;
use self::scratch::Scratch;
use super::S3Storage;

/// Probes all conditions concurrently. A condition that the store refuses is no longer sent with calls.
pub(super) async fn probe(s3: &S3Storage, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error> {
    let works = ProbedOperation::ALL.map(|operation| async move {
        let mut scratch = Scratch::new(s3, bucket, format!("{prefix}/{operation:?}"));
        let works = operation.works(&mut scratch).await;
        scratch.clear().await;
        works
    });
    let works = join_all(works).await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    let tries = Condition::ALL.map(|condition| {
        let works = ProbedOperation::of(condition).is_none_or(|operation| works[operation as usize]);
        async move {
            if !works {
                return Ok(Support::Failed);
            }
            let mut scratch = Scratch::new(s3, bucket, format!("{prefix}/{condition:?}"));
            let support = find_out(&mut scratch, condition).await;
            scratch.clear().await;
            support
        }
    });
    let listed = async {
        let mut scratch = Scratch::new(s3, bucket, format!("{prefix}/checksums"));
        let listed = multipart::lists_checksums(&mut scratch).await;
        scratch.clear().await;
        listed
    };
    let (tries, listed) = join(join_all(tries), listed).await;
    let mut found = Capabilities::NONE;
    for (condition, support) in Condition::ALL.into_iter().zip(tries) {
        found = found.with(condition, support?);
    }
    // A store that checks the source of a copy before it acts does the same for that of a part, whose race needs large
    // objects on some stores.
    if found.of(Condition::CopySource) == Support::NotAtomic && found.honours(Condition::PartSource) {
        found = found.with(Condition::PartSource, Support::NotAtomic);
    }
    s3.conditions.remember(&found);
    s3.conditions.remember_listed_checksums(listed?);
    Ok(found)
}

async fn find_out(scratch: &mut Scratch<'_>, condition: Condition) -> Result<Support, Error> {
    let seen = match condition {
        Condition::UploadOnce => upload::once(scratch).await,
        Condition::CopySource => copy::source(scratch).await,
        Condition::CopyToAbsent => copy::to_absent(scratch).await,
        Condition::CopyOver => copy::over(scratch).await,
        Condition::PartSource => multipart::part_source(scratch).await,
        Condition::CompleteToAbsent => multipart::complete_to_absent(scratch).await,
        Condition::CompleteOver => multipart::complete_over(scratch).await,
        Condition::Delete => delete::one(scratch).await,
        Condition::DeleteMany => delete::many(scratch).await,
        Condition::PartSourceKey => multipart::part_source_key(scratch).await,
        Condition::CopyMd5 => md5::of_copies(scratch).await,
        // Probed as an operation.
        Condition::ListParts => Ok(Seen::HONOURED),
    };
    let support = seen.map(Seen::support)?;
    if support == Support::Honoured && !race::holds(scratch, condition).await? {
        return Ok(Support::NotAtomic);
    }
    Ok(support)
}

/// The effects of a try, by the resulting bytes.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// True if the call changed nothing when its condition did not hold.
    held_back: bool,
    /// True if the call had its effect when its condition held.
    done: bool,
}

impl Seen {
    const HONOURED: Self = Self {
        held_back: true,
        done: true,
    };

    fn support(self) -> Support {
        match self {
            Self { held_back: false, .. } => Support::Ignored,
            Self {
                held_back: true,
                done: true,
            } => Support::Honoured,
            Self {
                held_back: true,
                done: false,
            } => Support::Refused,
        }
    }
}
