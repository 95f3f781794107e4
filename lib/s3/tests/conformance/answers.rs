//! Answers that real stores give only in bad times.

use std::net::Ipv4Addr;

use draftstore_s3::DEFAULT_PART_SIZE;
use draftstore_storage::{
    Attributes, CompleteUpload, CopyToMain, CreateUpload, DraftBucket, DraftVersion, ETag, Error, ErrorKind,
    IfDestination, ListObjects, ListParts, ListedPart, MainBucket, Objects as _, PartPage, StageCopy, StagedCopy,
    StagedPart, UploadId,
};
use tokio::net::TcpListener;

use draftstore_testing::{bucket, connect, etag, key};

use crate::canned::{Canned, HANG_UP, SILENCE, answer, error, settings};

const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

const EMPTY_LIST: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

const BEGUN: &str = "<InitiateMultipartUploadResult><UploadId>upload</UploadId></InitiateMultipartUploadResult>";

fn buckets() -> (DraftBucket, MainBucket) {
    DraftBucket::pair(bucket("files-draft"), bucket("files")).expect("they differ")
}

async fn copy(store: &Canned) -> Result<ETag, Error> {
    let ((draft_bucket, main_bucket), key, draft_etag) = (buckets(), key("file.bin"), etag(ETAG));
    let copy = CopyToMain {
        draft_bucket: &draft_bucket,
        draft_key: &key,
        draft_etag: &draft_etag,
        main_bucket: &main_bucket,
        main_key: &key,
        if_destination: IfDestination::Absent,
        attributes: &Attributes::default(),
    };
    store.storage.copy_to_main(&copy).await
}

async fn delete(store: &Canned) -> Result<(), Error> {
    let (draft_bucket, _) = buckets();
    let draft = DraftVersion {
        key: key("file.bin"),
        etag: etag(ETAG),
    };
    store.storage.delete_draft(&draft_bucket, &draft).await
}

async fn stage(store: &Canned, size: u64) -> Result<StagedCopy, Error> {
    let ((draft_bucket, main_bucket), key, draft_etag) = (buckets(), key("file.bin"), etag(ETAG));
    let copy = StageCopy {
        draft_bucket: &draft_bucket,
        draft_key: &key,
        draft_etag: &draft_etag,
        size,
        main_bucket: &main_bucket,
        main_key: &key,
        attributes: &Attributes::default(),
    };
    store.storage.stage_copy(&copy).await
}

async fn complete(store: &Canned) -> Result<ETag, Error> {
    let staged = StagedCopy {
        upload_id: UploadId::new("upload"),
        parts: vec![StagedPart {
            number: 1,
            etag: etag(ETAG),
            etag_is_md5: false,
        }],
        size: 6,
    };
    let ((_, main_bucket), key) = (buckets(), key("file.bin"));
    let complete = store
        .storage
        .complete_copy(&main_bucket, &key, &staged, IfDestination::Absent);
    complete.await
}

/// Completes an upload into the draft bucket.
async fn complete_draft(store: &Canned) -> Result<ETag, Error> {
    let ((bucket, _), key, upload_id) = (buckets(), key("file.bin"), UploadId::new("upload"));
    let part = ListedPart {
        number: 1,
        etag: etag(ETAG),
        size: 6,
        checksum_sha256: None,
        last_modified: None,
    };
    let complete = CompleteUpload {
        bucket: &bucket,
        key: &key,
        upload_id: &upload_id,
        parts: &[part],
        if_absent: true,
    };
    store.storage.complete_upload(&complete).await
}

async fn begin(store: &Canned) -> Result<UploadId, Error> {
    let ((bucket, _), key) = (buckets(), key("file.bin"));
    let create = CreateUpload {
        bucket: &bucket,
        key: &key,
        attributes: &Attributes::default(),
        part_checksums: false,
    };
    store.storage.create_upload(&create).await
}

async fn list_parts(store: &Canned) -> Result<PartPage, Error> {
    let ((bucket, _), key, upload_id) = (buckets(), key("file.bin"), UploadId::new("upload"));
    let list = ListParts {
        bucket: &bucket,
        key: &key,
        upload_id: &upload_id,
        after: None,
        max_parts: None,
    };
    store.storage.list_parts(&list).await
}

#[tokio::test]
async fn an_error_within_a_200_is_no_copy() {
    let store = Canned::answering(vec![error("200 OK", "InternalError")]).await;
    assert_eq!(copy(&store).await.expect_err("no copy").kind, ErrorKind::Unavailable);
    let store = Canned::answering(vec![error("200 OK", "PreconditionFailed")]).await;
    assert_eq!(
        copy(&store).await.expect_err("no copy").kind,
        ErrorKind::PreconditionFailed
    );
    let store = Canned::answering(vec![answer("200 OK", "<html>")]).await;
    assert_eq!(copy(&store).await.expect_err("no copy").kind, ErrorKind::Unexpected);
}

#[tokio::test]
async fn a_copy_is_asked_once_however_it_fails() {
    let cut = answer("200 OK", EMPTY_LIST).replace("</ListBucketResult>", "");
    let failures = [
        HANG_UP.to_owned(),
        SILENCE.to_owned(),
        error("503 Slow Down", "SlowDown"),
        cut,
    ];
    for failure in failures {
        let store = Canned::answering(vec![failure.clone()]).await;
        assert_eq!(
            copy(&store).await.expect_err("no copy").kind,
            ErrorKind::Unavailable,
            "{failure}"
        );
        assert_eq!(store.asked(), 1, "{failure}");
    }
}

#[tokio::test]
async fn what_changes_nothing_is_asked_again() {
    let busy = [
        error("503 Slow Down", "SlowDown"),
        HANG_UP.to_owned(),
        answer("200 OK", EMPTY_LIST),
    ];
    let store = Canned::answering(busy.to_vec()).await;
    let page = store
        .storage
        .list(&bucket("files"), &ListObjects::default())
        .await
        .expect("a page in the end");
    assert_eq!((page.objects, page.next, page.store_time), (vec![], None, None));
    assert_eq!(store.asked(), 3);
}

#[tokio::test]
async fn a_store_that_stays_busy_is_unavailable_after_three_attempts() {
    let store = Canned::answering(vec![answer("502 Bad Gateway", "<html>a proxy's page</html>")]).await;
    let failure = store
        .storage
        .list(&bucket("files"), &ListObjects::default())
        .await
        .expect_err("busy");
    assert_eq!((failure.kind, store.asked()), (ErrorKind::Unavailable, 3));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable() {
    let store = Canned::answering(vec![SILENCE.to_owned()]).await;
    let failure = store
        .storage
        .list(&bucket("files"), &ListObjects::default())
        .await
        .expect_err("silent");
    assert_eq!(failure.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_store_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let storage = connect(settings(url)).await;
    let failure = storage
        .head(&bucket("files"), &key("file.bin"))
        .await
        .expect_err("not there");
    assert_eq!(failure.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_delete_that_failed_because_it_had_worked_is_no_error() {
    let refused = error("412 Precondition Failed", "PreconditionFailed");
    let store = Canned::answering(vec![HANG_UP.to_owned(), refused.clone(), answer("404 Not Found", "")]).await;
    delete(&store).await.expect("it is gone");
    let there = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\netag: \"abc\"\r\n\
                 last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    let store = Canned::answering(vec![refused, there.to_owned()]).await;
    assert_eq!(
        delete(&store).await.expect_err("another version").kind,
        ErrorKind::PreconditionFailed
    );
}

#[tokio::test]
async fn an_error_within_a_200_is_no_part_and_the_upload_is_aborted() {
    let (begun, aborted) = (answer("200 OK", BEGUN), answer("204 No Content", ""));
    let changed = error("200 OK", "PreconditionFailed");
    let store = Canned::answering(vec![begun.clone(), changed, aborted.clone()]).await;
    let refused = stage(&store, 6).await.expect_err("no part");
    assert_eq!((refused.kind, store.asked()), (ErrorKind::PreconditionFailed, 3));

    let broken = error("200 OK", "InternalError");
    let answers = vec![begun.clone(), broken.clone(), broken.clone(), broken, aborted.clone()];
    let store = Canned::answering(answers).await;
    let failed = stage(&store, 6).await.expect_err("no part");
    assert_eq!((failed.kind, store.asked()), (ErrorKind::Unavailable, 5));

    let store = Canned::answering(vec![begun, answer("200 OK", "<html>"), aborted]).await;
    let nonsense = stage(&store, 6).await.expect_err("no part");
    assert_eq!((nonsense.kind, store.asked()), (ErrorKind::Unexpected, 3));
}

#[tokio::test]
async fn a_part_is_asked_for_again() {
    let part = format!("<CopyPartResult><ETag>&quot;{ETAG}&quot;</ETag></CopyPartResult>");
    let busy = error("503 Slow Down", "SlowDown");
    let answers = vec![
        answer("200 OK", BEGUN),
        busy,
        HANG_UP.to_owned(),
        answer("200 OK", &part),
    ];
    let store = Canned::answering(answers).await;
    let staged = stage(&store, 6).await.expect("staged in the end");
    assert_eq!((staged.parts.len(), store.asked()), (1, 4));
    assert_eq!(staged.parts[0].etag, etag(ETAG));
}

#[tokio::test]
async fn after_the_first_failure_no_part_is_begun() {
    let changed = error("412 Precondition Failed", "PreconditionFailed");
    let store = Canned::answering(vec![answer("200 OK", BEGUN), changed]).await;
    let refused = stage(&store, 100 * DEFAULT_PART_SIZE).await.expect_err("no part");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    assert_eq!(store.asked(), 10, "begun, 8 parts at once, aborted");
}

#[tokio::test]
async fn what_no_upload_can_hold_is_not_begun() {
    let store = Canned::answering(vec![answer("200 OK", BEGUN)]).await;
    let refused = stage(&store, u64::MAX).await.expect_err("too large");
    assert_eq!((refused.kind, store.asked()), (ErrorKind::TooLarge, 0));
}

#[tokio::test]
async fn an_abort_that_fails_hides_not_why() {
    let answers = vec![
        answer("200 OK", BEGUN),
        error("404 Not Found", "NoSuchKey"),
        error("500 Internal Server Error", "InternalError"),
    ];
    let store = Canned::answering(answers).await;
    let failed = stage(&store, 6).await.expect_err("no part");
    assert_eq!((failed.kind, store.asked()), (ErrorKind::NotFound, 5));
}

#[tokio::test]
async fn an_error_within_a_200_is_no_completion() {
    let kinds = [
        ("InternalError", ErrorKind::Unavailable),
        ("PreconditionFailed", ErrorKind::PreconditionFailed),
        ("InvalidPart", ErrorKind::Conflict),
        ("NoSuchUpload", ErrorKind::NotFound),
    ];
    for (code, kind) in kinds {
        let store = Canned::answering(vec![error("200 OK", code)]).await;
        let failed = complete(&store).await.expect_err("no completion");
        assert_eq!((failed.kind, store.asked()), (kind, 1), "{code}");
        let failed = complete_draft(&store).await.expect_err("no completion");
        assert_eq!((failed.kind, store.asked()), (kind, 2), "{code}");
    }
}

#[tokio::test]
async fn a_completion_is_asked_once_however_it_fails() {
    let failures = [
        HANG_UP.to_owned(),
        SILENCE.to_owned(),
        error("503 Slow Down", "SlowDown"),
        error("409 Conflict", "ConditionalRequestConflict"),
    ];
    for failure in failures {
        let store = Canned::answering(vec![failure.clone()]).await;
        let failed = [complete(&store).await, complete_draft(&store).await];
        for failed in failed.map(|failed| failed.expect_err("no completion").kind) {
            assert!(
                matches!(failed, ErrorKind::Unavailable | ErrorKind::Conflict),
                "{failed:?} for {failure}"
            );
        }
        assert_eq!(store.asked(), 2, "{failure}");
    }
}

#[tokio::test]
async fn an_upload_is_begun_once_however_that_fails() {
    let failures = [
        HANG_UP.to_owned(),
        SILENCE.to_owned(),
        error("503 Slow Down", "SlowDown"),
        answer("200 OK", &BEGUN.replace("upload<", "<")),
    ];
    for failure in failures {
        let store = Canned::answering(vec![failure.clone()]).await;
        let failed = begin(&store).await.expect_err("not begun").kind;
        assert_eq!((failed, store.asked()), (ErrorKind::Unavailable, 1), "{failure}");
    }
    let store = Canned::answering(vec![answer("200 OK", BEGUN)]).await;
    assert_eq!(begin(&store).await.expect("begun").as_str(), "upload");
}

#[tokio::test]
async fn a_list_of_parts_that_makes_no_sense_is_refused() {
    let page = |content: &str| answer("200 OK", &format!("<ListPartsResult>{content}</ListPartsResult>"));
    let part =
        |number: &str| format!("<Part><PartNumber>{number}</PartNumber><ETag>{ETAG}</ETag><Size>1</Size></Part>");
    for nonsense in [
        page("<IsTruncated>true</IsTruncated>"),
        page("<IsTruncated>true</IsTruncated><NextPartNumberMarker>70000</NextPartNumberMarker>"),
        page(&part("-1")),
        page(&part("70000")),
        page(&part("1").replace(ETAG, "")),
        page(&part("1").replace("<Size>1</Size>", "")),
    ] {
        let store = Canned::answering(vec![nonsense.clone()]).await;
        let refused = list_parts(&store).await.expect_err("nonsense").kind;
        assert_eq!(refused, ErrorKind::Unexpected, "{nonsense}");
    }
    let cut = page(&part("1")).replace("</ListPartsResult>", "                  ");
    let store = Canned::answering(vec![cut]).await;
    let refused = list_parts(&store).await.expect_err("there may be more").kind;
    assert_eq!(refused, ErrorKind::Unavailable);
    let store = Canned::answering(vec![HANG_UP.to_owned(), page(&part("1"))]).await;
    let listed = list_parts(&store).await.expect("a page in the end");
    assert_eq!((listed.parts.len(), listed.next), (1, None));
}
