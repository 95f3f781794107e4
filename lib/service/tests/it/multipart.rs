//! Multipart uploads, with lost responses, concurrent calls and uploads that have ended.

use std::time::{Duration, SystemTime};

use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{
    CompleteMultipart, CompletedPart, CreateMultipart, MultipartCompleted, PartToSign, PartsSigned, SignParts,
    UploadName,
};
use draftstore_service::{Error, Missing};
use draftstore_storage::{ErrorKind, Operation};
use draftstore_testing::{SignedRequest, key};
use futures::future::join_all;

use crate::ground::Ground;
use crate::system::{System, expire, state};

promises! {
    upload_ends_after_the_lifetime_of_a_draft: strong, weak, garage, seaweedfs;
    unique_upload_ends_with_its_draft: strong, weak, garage, seaweedfs;
    completed_upload_is_reported_after_its_end: strong, garage, seaweedfs;
    sweep_aborts_only_uploads_that_have_ended: strong, weak, garage, seaweedfs;
    upload_with_a_lost_id_is_swept: strong, garage, seaweedfs;
    lost_completion_response_is_recovered: strong, weak, garage, seaweedfs;
    failed_completion_can_be_repeated: strong, weak, garage, seaweedfs;
    concurrent_completions_have_the_same_result: strong, weak, garage, seaweedfs;
    part_uploaded_again_before_the_completion_is_not_lost: strong, weak, garage,
        seaweedfs => part_uploaded_again_before_the_completion_is_completed_whatever_was_listed;
    upload_aborted_before_the_completion_is_gone: strong, weak, garage, seaweedfs;
    draft_of_another_upload_is_not_taken_for_this_one: strong, weak, garage, seaweedfs;
    completion_does_not_replace_a_unique_draft: strong;
    incomplete_upload_is_not_completed: strong, garage, seaweedfs;
    upload_of_another_draft_is_refused_without_calling_the_store: strong;
}

const HOUR: Duration = Duration::from_secs(3600);

async fn system(ground: &Ground) -> System {
    ground.system().await.with_long_urls()
}

fn named(name: &str) -> CreateMultipart {
    CreateMultipart {
        object_name: name.to_owned(),
        ..CreateMultipart::default()
    }
}

/// Creates a request for a unique draft with a lifetime in seconds.
fn unique(name: &str, draft_lifetime: i32) -> CreateMultipart {
    CreateMultipart {
        unique: true,
        draft_lifetime: Some(draft_lifetime),
        ..named(name)
    }
}

/// Begins an upload. Returns its name and its end.
async fn begin(system: &System, create: CreateMultipart) -> (UploadName, SystemTime) {
    let created = system.drafts.create_multipart(&create).await.expect("upload begun");
    let upload = UploadName {
        object_name: create.object_name,
        draft_id: created.draft_id.map(|id| id.to_string()),
        upload_id: created.upload_id,
    };
    (upload, created.expires_at)
}

async fn sign(system: &System, upload: &UploadName) -> Result<PartsSigned, Error> {
    let sign = SignParts {
        upload: upload.clone(),
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    system.drafts.sign_parts(&sign).await
}

/// Uploads the first part of an upload.
async fn send(system: &System, upload: &UploadName, bytes: impl Into<Vec<u8>>) {
    let signed = sign(system, upload).await.expect("signed").parts.remove(0);
    let answer = system
        .world
        .send(&SignedRequest::from(signed.request), bytes.into())
        .await;
    assert_eq!(answer.status(), 200);
}

async fn complete(system: &System, upload: &UploadName) -> Result<MultipartCompleted, Error> {
    let complete = CompleteMultipart {
        upload: upload.clone(),
        parts: Vec::new(),
    };
    system.drafts.complete_multipart(&complete).await
}

/// Returns `true` if the result is that the upload does not exist.
fn is_gone<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::NotFound(Missing::Upload)))
}

/// Returns `true` if every call on the upload fails.
async fn is_over(system: &System, upload: &UploadName) -> bool {
    let listed = system.drafts.list_parts(upload).await;
    is_gone(&sign(system, upload).await) && is_gone(&listed) && is_gone(&complete(system, upload).await)
}

async fn upload_ends_after_the_lifetime_of_a_draft(ground: &Ground) {
    let system = system(ground).await;
    let (upload, ends_at) = begin(&system, named("film")).await;
    send(&system, &upload, "part").await;
    system.clock.advance(Duration::from_secs(3590));
    let signed = sign(&system, &upload).await.expect("signed");
    let second = Duration::from_secs(1);
    assert!(signed.expires_at <= ends_at && signed.expires_at + second >= ends_at);
    let listed = system.drafts.list_parts(&upload).await.expect("in progress");
    assert_eq!((listed.parts.len(), listed.expires_at), (1, ends_at));

    system.clock.advance(Duration::from_secs(10));
    assert!(is_over(&system, &upload).await);
    assert_eq!(system.world.uploads().await, 1, "the upload is left to the sweep");
    for _ in 0..2 {
        system.drafts.abort_multipart(&upload).await.expect("or given up");
        assert_eq!(system.world.uploads().await, 0);
    }
}

async fn unique_upload_ends_with_its_draft(ground: &Ground) {
    let system = system(ground).await;
    let (upload, ends_at) = begin(&system, unique("film", 60)).await;
    send(&system, &upload, "part").await;
    let signed = sign(&system, &upload).await.expect("signed");
    assert!(signed.expires_at <= ends_at);
    system.clock.advance(Duration::from_secs(58));
    let completed = complete(&system, &upload).await.expect("completed");
    assert!(completed.expires_at >= ends_at && completed.expires_at < ends_at + Duration::from_secs(1));

    let (late, _) = begin(&system, unique("film", 60)).await;
    send(&system, &late, "part").await;
    system.clock.advance(Duration::from_secs(60));
    assert!(is_over(&system, &late).await);
}

async fn completed_upload_is_reported_after_its_end(ground: &Ground) {
    let system = system(ground).await;
    let (upload, ends_at) = begin(&system, named("film")).await;
    send(&system, &upload, "part").await;
    let first = complete(&system, &upload).await.expect("completed");
    assert_eq!(
        first.expires_at,
        ends_at + HOUR,
        "the lifetime of a draft after the end of the upload"
    );
    system.clock.advance(HOUR);
    assert_eq!(complete(&system, &upload).await.expect("found"), first);
    assert!(is_gone(&sign(&system, &upload).await));
}

async fn sweep_aborts_only_uploads_that_have_ended(ground: &Ground) {
    let system = system(ground).await;
    let (ends_soon, _) = begin(&system, unique("film", 1)).await;
    let (ends_later, _) = begin(&system, unique("film", 3600)).await;
    let (by_name, _) = begin(&system, named("film")).await;
    for upload in [&ends_later, &by_name] {
        send(&system, upload, "part").await;
    }
    let cleaner = system.cleaner(3600);
    expire(&cleaner, 1).await;
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, swept.failed), (1, 0));
    assert!(is_gone(&system.drafts.list_parts(&ends_soon).await));
    for upload in [&ends_later, &by_name] {
        complete(&system, upload).await.expect("it was kept");
    }
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.scanned, swept.deleted), (2, 0), "the drafts are kept too");
}

async fn upload_with_a_lost_id_is_swept(ground: &Ground) {
    let system = system(ground).await;
    system.store.lose_the_answer(Operation::CreateMultipartUpload);
    let lost = system.drafts.create_multipart(&named("film")).await;
    assert!(matches!(lost, Err(Error::StoreUnavailable(_))), "{lost:?}");
    assert_eq!(system.world.uploads().await, 1);
    let cleaner = system.cleaner(1);
    expire(&cleaner, 1).await;
    cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!(system.world.uploads().await, 0);
}

async fn lost_completion_response_is_recovered(ground: &Ground) {
    for create in [named("film"), unique("film", 60)] {
        let system = system(ground).await;
        let (upload, _) = begin(&system, create).await;
        send(&system, &upload, "part").await;
        system.store.lose_the_answer(Operation::CompleteMultipartUpload);
        let first = complete(&system, &upload).await.expect("found by its mark");
        assert_eq!(first.size, 4);
        assert_eq!(complete(&system, &upload).await.expect("found again"), first);
    }
}

async fn failed_completion_can_be_repeated(ground: &Ground) {
    let system = system(ground).await;
    let (upload, _) = begin(&system, named("film")).await;
    send(&system, &upload, "part").await;
    for kind in [ErrorKind::Unavailable, ErrorKind::Conflict] {
        system.store.fail(Operation::CompleteMultipartUpload, kind);
        let failed = complete(&system, &upload).await;
        assert!(matches!(failed, Err(Error::StoreUnavailable(_))), "{failed:?}");
        assert_eq!(system.state("film").await, state(None, None));
    }
    complete(&system, &upload).await.expect("completed");
    assert_eq!(system.state("film").await, state(Some("part"), None));
}

async fn concurrent_completions_have_the_same_result(ground: &Ground) {
    for create in [named("film"), unique("film", 60)] {
        let system = system(ground).await;
        let (upload, _) = begin(&system, create).await;
        send(&system, &upload, "part").await;
        let all = join_all((0..8).map(|_| complete(&system, &upload))).await;
        let all: Vec<_> = all.into_iter().map(|one| one.expect("completed")).collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        assert_eq!(system.world.draft_keys().await.len(), 1);
    }
}

/// SeaweedFS does not compare the `ETag` of a part that was sent again.
async fn part_uploaded_again_before_the_completion_is_completed_whatever_was_listed(ground: &Ground) {
    let system = system(ground).await;
    let (upload, _) = begin(&system, named("film")).await;
    send(&system, &upload, "first").await;
    let signed = sign(&system, &upload).await.expect("signed").parts.remove(0);
    let signed = SignedRequest::from(signed.request);
    let world = system.world.clone();
    system
        .store
        .before(Operation::CompleteMultipartUpload, move || async move {
            assert_eq!(world.send(&signed, "second").await.status(), 200);
        });
    complete(&system, &upload).await.expect("completed");
    let (draft, _) = system.state("film").await;
    assert!(matches!(draft.as_deref(), Some("first" | "second")), "{draft:?}");
}

async fn part_uploaded_again_before_the_completion_is_not_lost(ground: &Ground) {
    let system = system(ground).await;
    let (upload, _) = begin(&system, named("film")).await;
    send(&system, &upload, "first").await;
    let signed = sign(&system, &upload).await.expect("signed").parts.remove(0);
    let signed = SignedRequest::from(signed.request);
    let world = system.world.clone();
    system
        .store
        .before(Operation::CompleteMultipartUpload, move || async move {
            assert_eq!(world.send(&signed, "second").await.status(), 200);
        });
    let failed = complete(&system, &upload).await;
    assert!(matches!(failed, Err(Error::StoreUnavailable(_))), "{failed:?}");
    complete(&system, &upload).await.expect("completed");
    assert_eq!(system.state("film").await, state(Some("second"), None));
}

async fn upload_aborted_before_the_completion_is_gone(ground: &Ground) {
    let system = system(ground).await;
    let (upload, _) = begin(&system, named("film")).await;
    send(&system, &upload, "part").await;
    let (other, again) = (system.other_server(), upload.clone());
    system
        .store
        .before(Operation::CompleteMultipartUpload, move || async move {
            other.abort_multipart(&again).await.expect("aborted");
        });
    assert!(is_gone(&complete(&system, &upload).await));
    assert_eq!(system.state("film").await, state(None, None));
}

async fn draft_of_another_upload_is_not_taken_for_this_one(ground: &Ground) {
    let system = system(ground).await;
    let (first, _) = begin(&system, named("film")).await;
    send(&system, &first, "part").await;
    complete(&system, &first).await.expect("completed");
    let (second, _) = begin(&system, named("film")).await;
    send(&system, &second, "part").await;
    let kept = complete(&system, &second).await.expect("completed");
    assert!(
        is_gone(&complete(&system, &first).await),
        "the draft of another upload with the same bytes"
    );
    assert_eq!(complete(&system, &second).await.expect("found"), kept);
    system.upload_again("film", "in one piece").await;
    assert!(is_gone(&complete(&system, &second).await));
}

async fn completion_does_not_replace_a_unique_draft(ground: &Ground) {
    let system = system(ground).await;
    let (upload, _) = begin(&system, unique("film", 60)).await;
    send(&system, &upload, "part").await;
    let id = upload.draft_id.clone().expect("an ID");
    let shard = format!("{:02x}", ulid::Ulid::from_string(&id).expect("an ID").0 & 0xff);
    let there = key(&format!(".drafts/{shard}/{id}/film"));
    system.world.upload(&there, "theirs").await;
    let refused = complete(&system, &upload).await;
    assert!(
        matches!(refused, Err(Error::PinMismatch { pin: "draft_id" })),
        "{refused:?}"
    );
    assert_eq!(system.world.draft_bytes(&there).await.as_deref(), Some(&b"theirs"[..]));
    assert_eq!(
        system.drafts.list_parts(&upload).await.expect("it stays").parts.len(),
        1
    );
}

/// The minimum size of a part, except the last one.
const PART: i64 = 5 * 1024 * 1024;

async fn incomplete_upload_is_not_completed(ground: &Ground) {
    let system = system(ground).await;
    let create = CreateMultipart {
        content_length: Some(PART + 5),
        part_size: Some(PART),
        ..named("film")
    };
    let (upload, _) = begin(&system, create).await;
    send(&system, &upload, vec![b'a'; 5 * 1024 * 1024]).await;
    let arrived = system.drafts.list_parts(&upload).await.expect("in progress").parts;
    let with = |parts: Vec<(i32, &str)>| CompleteMultipart {
        upload: upload.clone(),
        parts: parts
            .into_iter()
            .map(|(part_number, etag)| CompletedPart {
                part_number,
                etag: etag.to_owned(),
            })
            .collect(),
    };
    let too_few = "content_length was declared as 5242885 bytes, but the parts have 5242880";
    let (this, other) = (arrived[0].etag.as_str(), "00000000000000000000000000000000");
    for (parts, why) in [
        (vec![], too_few),
        (vec![(1, this)], too_few),
        (vec![(2, this)], "parts[0] names part 2, which has not arrived"),
        (
            vec![(1, this), (2, this)],
            "parts[1] names part 2, which has not arrived",
        ),
        (vec![(1, other)], "parts[0].etag does not match what is stored"),
    ] {
        let refused = system
            .drafts
            .complete_multipart(&with(parts))
            .await
            .expect_err("refused");
        let said = if let Error::Incomplete(broken) = &refused {
            format!("{} {}", broken[0].field, broken[0].rule)
        } else {
            refused.to_string()
        };
        assert_eq!(said, why);
    }
    let asked = |call: &&(Operation, _)| call.0 == Operation::CompleteMultipartUpload;
    assert_eq!(system.store.calls().iter().filter(asked).count(), 0);
    let parts = system.drafts.list_parts(&upload).await.expect("in progress").parts;
    assert_eq!(parts, arrived);
}

async fn upload_of_another_draft_is_refused_without_calling_the_store(ground: &Ground) {
    let system = system(ground).await;
    let (mine, _) = begin(&system, named("film")).await;
    let (unique, _) = begin(&system, unique("film", 60)).await;
    let other_name = UploadName {
        object_name: "other".to_owned(),
        ..mine.clone()
    };
    let other_kind = UploadName {
        draft_id: None,
        ..unique.clone()
    };
    let of_the_other = UploadName {
        upload_id: mine.upload_id.clone(),
        ..unique.clone()
    };
    let nonsense = UploadName {
        upload_id: "nonsense".to_owned(),
        ..mine
    };
    let before = system.store.calls().len();
    for foreign in [other_name, other_kind, of_the_other, nonsense] {
        let refused = [
            sign(&system, &foreign).await.map(drop),
            system.drafts.list_parts(&foreign).await.map(drop),
            complete(&system, &foreign).await.map(drop),
            system.drafts.abort_multipart(&foreign).await,
        ];
        for refused in refused {
            let Err(Error::Invalid(broken)) = refused else {
                panic!("{refused:?} for {foreign:?}");
            };
            assert_eq!((broken.len(), broken[0].field.as_str()), (1, "upload_id"));
        }
    }
    assert_eq!(system.store.calls().len(), before);
}
