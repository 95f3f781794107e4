//! Completions of multipart uploads whose clients are gone, by the sweep and by calls.

use std::time::Duration;

use draftstore_service::cleaner::{Mode, Summary};
use draftstore_service::draft::{
    CompleteMultipart, ConfirmUpload, CreateMultipart, DraftName, PartToSign, SignParts, UploadName,
};
use draftstore_service::{Drafts, Error, Missing};
use draftstore_storage::{ErrorKind, ListUploads, ObjectHeader, Operation};
use draftstore_testing::{SignedRequest, key};
use futures::future::{join, join_all};

use crate::ground::Ground;
use crate::system::{System, expire};

promises! {
    sweep_completes_an_upload_whose_client_is_gone: strong, weak, garage, seaweedfs;
    next_call_completes_an_upload_whose_client_is_gone: strong, weak, garage, seaweedfs;
    upload_is_left_alone_before_it_is_idle_and_whole: strong, weak, garage, seaweedfs;
    draft_uploaded_since_is_not_replaced: strong, weak,
        garage => upload_ends_when_its_draft_is_uploaded, seaweedfs;
    racing_completions_have_one_effect: strong, weak, garage, seaweedfs;
    confirms_race_the_completion_of_their_draft: strong, garage, seaweedfs;
    lost_answer_of_a_completion_is_settled: strong, weak, garage, seaweedfs;
    failed_completion_is_repeated_by_the_next_sweep: strong, weak, garage, seaweedfs;
    upload_that_has_ended_is_not_completed: strong, weak, garage, seaweedfs;
}

const HOUR: Duration = Duration::from_secs(3600);

/// The minimum size of a part, except the last one.
const PART: usize = 5 * 1024 * 1024;

/// The number of concurrent calls of a kind in a race.
const RACERS: usize = 4;

/// Returns a system that completes uploads at once, without waiting for their clients.
pub(crate) async fn system(ground: &Ground) -> System {
    ground.system().await.completing(Duration::ZERO)
}

fn create(unique: bool) -> CreateMultipart {
    CreateMultipart {
        object_name: "film".to_owned(),
        content_type: Some("video/mp4".to_owned()),
        content_length: Some((PART + 4).try_into().expect("it fits")),
        part_size: Some(PART.try_into().expect("it fits")),
        headers: [(ObjectHeader::CacheControl, "max-age=60".to_owned())].into(),
        metadata: [("author".to_owned(), "ada".to_owned())].into(),
        unique,
        ..CreateMultipart::default()
    }
}

async fn begin(drafts: &Drafts, create: CreateMultipart) -> UploadName {
    let created = drafts.create_multipart(&create).await.expect("upload begun");
    UploadName {
        object_name: create.object_name,
        draft_id: created.draft_id.map(|id| id.to_string()),
        upload_id: created.upload_id,
    }
}

fn bytes_of(number: i32) -> Vec<u8> {
    if number == 1 {
        vec![b'a'; PART]
    } else {
        b"last".to_vec()
    }
}

/// Uploads these parts.
async fn send(system: &System, upload: &UploadName, numbers: &[i32]) {
    if numbers.is_empty() {
        return;
    }
    let part = |number: &i32| PartToSign {
        part_number: *number,
        ..PartToSign::default()
    };
    let sign = SignParts {
        upload: upload.clone(),
        parts: numbers.iter().map(part).collect(),
        expires_in: None,
    };
    let signed = system.drafts.sign_parts(&sign).await.expect("signed");
    for (number, part) in numbers.iter().zip(signed.parts) {
        let signed = SignedRequest::from(part.request);
        let sent = system.world.send(&signed, bytes_of(*number)).await;
        assert_eq!(sent.status(), 200, "part {number}");
    }
}

/// Begins an upload and sends all its parts, like a client that then goes away.
pub(crate) async fn leave(system: &System, unique: bool) -> UploadName {
    let upload = begin(&system.drafts, create(unique)).await;
    send(system, &upload, &[1, 2]).await;
    upload
}

pub(crate) fn draft(upload: &UploadName) -> DraftName {
    DraftName {
        object_name: upload.object_name.clone(),
        draft_id: upload.draft_id.clone(),
    }
}

pub(crate) async fn sweep(system: &System) -> Summary {
    let cleaner = system.completing_cleaner(Duration::ZERO);
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept")
}

async fn confirm(drafts: &Drafts, upload: &UploadName) -> Result<u64, Error> {
    let confirm = ConfirmUpload {
        object_name: upload.object_name.clone(),
        draft_id: upload.draft_id.clone(),
        ..ConfirmUpload::default()
    };
    drafts.confirm(&confirm).await.map(|confirmed| confirmed.size)
}

/// Returns the number of calls that completed an upload, or tried to.
fn completions(system: &System) -> usize {
    let calls = system.store.calls().into_iter();
    calls
        .filter(|(call, _)| *call == Operation::CompleteMultipartUpload)
        .count()
}

fn whole() -> Vec<u8> {
    [bytes_of(1), bytes_of(2)].concat()
}

async fn sweep_completes_an_upload_whose_client_is_gone(ground: &Ground) {
    for unique in [false, true] {
        let system = system(ground).await;
        let upload = leave(&system, unique).await;
        let dry = system.completing_cleaner(Duration::ZERO);
        let dry = dry.sweep(Mode::DryRun, &mut |_| {}).await.expect("swept");
        assert_eq!(
            (dry.completed, completions(&system)),
            (0, 0),
            "a dry run changes nothing"
        );
        let swept = sweep(&system).await;
        assert_eq!((swept.completed, swept.deleted, swept.failed), (1, 0, 0));
        assert_eq!(sweep(&system).await.completed, 0);
        assert_eq!(system.world.uploads().await, 0);

        let seen = system.drafts.inspect(&draft(&upload)).await.expect("there");
        let kept = seen.uploaded.expect("a version").agreement.kept;
        assert_eq!(kept.content_type.expect("a type").as_str(), "video/mp4");
        assert_eq!(kept.headers.get(ObjectHeader::CacheControl), Some("max-age=60"));
        assert_eq!(kept.metadata, [("author".to_owned(), "ada".to_owned())].into());
        assert_eq!(confirm(&system.drafts, &upload).await.expect("kept"), (PART + 4) as u64);
        assert_eq!(system.world.main_bytes(&key("film")).await, Some(whole()));
    }
}

async fn next_call_completes_an_upload_whose_client_is_gone(ground: &Ground) {
    for unique in [false, true] {
        let system = system(ground).await;
        let upload = leave(&system, unique).await;
        let seen = system.drafts.inspect(&draft(&upload)).await.expect("completed");
        let seen = seen.uploaded.expect("a version");
        assert_eq!(seen.draft.size, (PART + 4) as u64);
        let complete = CompleteMultipart {
            upload: upload.clone(),
            parts: Vec::new(),
        };
        let completed = system.drafts.complete_multipart(&complete).await;
        assert_eq!(completed.expect("found by its mark").etag, seen.draft.etag);

        let system = self::system(ground).await;
        let upload = leave(&system, unique).await;
        system.drafts.check(&draft(&upload)).await.expect("completed");

        let system = self::system(ground).await;
        let upload = leave(&system, unique).await;
        assert_eq!(confirm(&system.drafts, &upload).await.expect("kept"), (PART + 4) as u64);

        let system = self::system(ground).await;
        let upload = leave(&system, unique).await;
        let listed = system.drafts.list_parts(&upload).await.expect("in progress");
        assert_eq!(listed.parts.len(), 2);
        assert_eq!(system.world.uploads().await, 0);
        let complete = CompleteMultipart {
            upload,
            parts: Vec::new(),
        };
        let completed = system.drafts.complete_multipart(&complete).await;
        completed.expect("found by its mark");
    }
}

async fn upload_is_left_alone_before_it_is_idle_and_whole(ground: &Ground) {
    let is_missing = |result: Result<(), Error>| matches!(result, Err(Error::NotFound(Missing::Draft)));
    let unknown = CreateMultipart {
        content_length: None,
        ..create(false)
    };
    for (idle_after, create, parts) in [
        (Some(Duration::ZERO), create(false), &[1][..]),
        (Some(Duration::ZERO), create(false), &[2]),
        (Some(Duration::ZERO), create(false), &[]),
        (Some(Duration::ZERO), unknown, &[1, 2]),
        (Some(HOUR / 2), create(false), &[1, 2]),
        (None, create(false), &[1, 2]),
    ] {
        let system = match idle_after {
            Some(idle_after) => ground.system().await.completing(idle_after),
            None => ground.system().await.with_long_urls(),
        };
        let upload = begin(&system.drafts, create).await;
        send(&system, &upload, parts).await;
        let seen = system.drafts.inspect(&draft(&upload)).await.map(drop);
        assert!(is_missing(seen));
        assert!(is_missing(confirm(&system.drafts, &upload).await.map(drop)));
        system.drafts.list_parts(&upload).await.expect("in progress");
        let cleaner = match idle_after {
            Some(idle_after) => system.completing_cleaner(idle_after),
            None => system.cleaner(3600),
        };
        let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
        assert_eq!((swept.completed, swept.failed, completions(&system)), (0, 0, 0));
        assert_eq!(system.world.uploads().await, 1);
    }
}

async fn draft_uploaded_since_is_not_replaced(ground: &Ground) {
    let system = system(ground).await;
    let upload = leave(&system, false).await;
    system.world.upload(&key("film"), "newer").await;
    assert_eq!(sweep(&system).await.completed, 0);
    let seen = system.drafts.inspect(&draft(&upload)).await.expect("there");
    let seen = seen.uploaded.expect("a version");
    assert_eq!((seen.draft.size, completions(&system)), (5, 0));
    assert_eq!(system.world.uploads().await, 1, "its client may still complete it");

    // The draft appears between the look and the completion.
    let system = self::system(ground).await;
    leave(&system, false).await;
    let again = system.upload_again("film", "newer");
    system.store.before(Operation::CompleteMultipartUpload, move || again);
    let swept = sweep(&system).await;
    assert_eq!(swept.failed, 0);
    let size = system.world.draft_bytes(&key("film")).await.expect("there").len();
    let honours = system.honours(draftstore_storage::Condition::CompleteToAbsent);
    assert!(size == 5 || !honours, "{size} bytes");
}

/// Garage ends the uploads to a key when an object is written there.
async fn upload_ends_when_its_draft_is_uploaded(ground: &Ground) {
    let system = system(ground).await;
    leave(&system, false).await;
    system.world.upload(&key("film"), "newer").await;
    assert_eq!(sweep(&system).await.completed, 0);
    let draft = system.world.draft_bytes(&key("film")).await;
    assert_eq!(draft.as_deref(), Some(&b"newer"[..]));
}

async fn racing_completions_have_one_effect(ground: &Ground) {
    for unique in [false, true] {
        let system = system(ground).await;
        let upload = leave(&system, unique).await;
        let servers: Vec<_> = (0..RACERS).map(|_| system.completing_server(Duration::ZERO)).collect();
        let complete = CompleteMultipart {
            upload: upload.clone(),
            parts: Vec::new(),
        };
        let name = draft(&upload);
        let sweeps = join_all((0..RACERS).map(|_| sweep(&system)));
        let looks = join_all(servers.iter().map(|server| server.inspect(&name)));
        let completed = join_all(servers.iter().map(|server| server.complete_multipart(&complete)));
        let ((sweeps, looks), completed) = join(join(sweeps, looks), completed).await;
        assert!(sweeps.iter().all(|swept| swept.failed == 0), "{sweeps:?}");
        let seen = system.drafts.inspect(&name).await.expect("there").uploaded;
        let seen = seen.expect("a version").draft;
        assert_eq!(seen.size, (PART + 4) as u64);
        for completed in completed {
            assert_eq!(completed.expect("completed").etag, seen.etag);
        }
        // A look may come before the completion by another.
        for look in looks {
            match look {
                Ok(look) => assert!(look.uploaded.is_none_or(|uploaded| uploaded.draft.etag == seen.etag)),
                Err(error) => assert!(matches!(error, Error::NotFound(Missing::Draft)), "{error:?}"),
            }
        }
        let drafts = system.world.draft_keys().await;
        let named = drafts.iter().filter(|key| key.ends_with("film"));
        assert_eq!(named.count(), 1, "{drafts:?}");
    }
}

async fn confirms_race_the_completion_of_their_draft(ground: &Ground) {
    let system = system(ground).await;
    let upload = leave(&system, true).await;
    let servers: Vec<_> = (0..RACERS).map(|_| system.completing_server(Duration::ZERO)).collect();
    let confirms = join_all(servers.iter().map(|server| confirm(server, &upload)));
    let (confirmed, _) = join(confirms, join_all((0..RACERS).map(|_| sweep(&system)))).await;
    for confirmed in confirmed {
        assert_eq!(confirmed.expect("kept"), (PART + 4) as u64);
    }
    assert_eq!(system.world.main_bytes(&key("film")).await, Some(whole()));
    assert_eq!(system.world.uploads().await, 0);
}

async fn lost_answer_of_a_completion_is_settled(ground: &Ground) {
    let system = system(ground).await;
    let upload = leave(&system, true).await;
    system.store.lose_the_answer(Operation::CompleteMultipartUpload);
    let swept = sweep(&system).await;
    assert_eq!((swept.completed, swept.failed), (1, 0));
    system.drafts.inspect(&draft(&upload)).await.expect("there");
}

async fn failed_completion_is_repeated_by_the_next_sweep(ground: &Ground) {
    let system = system(ground).await;
    let upload = leave(&system, true).await;
    system
        .store
        .fail(Operation::CompleteMultipartUpload, ErrorKind::Unavailable);
    let swept = sweep(&system).await;
    assert_eq!((swept.completed, swept.failed), (0, 1));
    assert_eq!(sweep(&system).await.completed, 1);
    system.drafts.inspect(&draft(&upload)).await.expect("there");
}

async fn upload_that_has_ended_is_not_completed(ground: &Ground) {
    let system = system(ground).await;
    let upload = CreateMultipart {
        draft_lifetime: Some(1),
        ..create(true)
    };
    begin(&system.drafts, upload).await;
    // No URL is valid long enough on a busy machine.
    let (world, sdk) = (&system.world, system.world.sdk());
    let page = world
        .storage
        .list_uploads(world.draft.name(), &ListUploads::default())
        .await;
    let begun = page.expect("listed").uploads.remove(0);
    for number in [1, 2] {
        let part = sdk
            .upload_part()
            .bucket(world.draft.name().as_str())
            .key(begun.key.as_str());
        let part = part.upload_id(begun.upload_id.as_str()).part_number(number);
        part.body(bytes_of(number).into()).send().await.expect("sent");
    }
    let cleaner = system.completing_cleaner(Duration::ZERO);
    expire(&cleaner, 1).await;
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.completed, swept.deleted, completions(&system)), (0, 1, 0));
}
