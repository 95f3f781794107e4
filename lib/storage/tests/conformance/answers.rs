//! Answers that real stores give only in bad times, from a server that says what it is told to.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use draftstore_storage::s3::{S3Storage, Settings, StaticCredentials, Timeouts};
use draftstore_storage::{
    Attributes, CopyToMain, DraftBucket, DraftVersion, ETag, Error, ErrorKind, IfDestination, ListObjects, Storage as _,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use draftstore_testing::{bucket, connect, etag, key};

/// Gives its answers one after the other, and the last one again and again.
struct Canned {
    storage: S3Storage,
    asked: Arc<AtomicUsize>,
}

const ETAG: &str = "d41d8cd98f00b204e9800998ecf8427e";

impl Canned {
    async fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let turn = count.fetch_add(1, Ordering::SeqCst);
                let answer = answers[turn.min(answers.len() - 1)].clone();
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        if !matches!(connection.read_buf(&mut request).await, Ok(1..)) {
                            return;
                        }
                    }
                    if answer == SILENCE {
                        return std::future::pending().await;
                    }
                    drop(connection.write_all(answer.as_bytes()).await);
                });
            }
        });
        Self {
            storage: connect(settings(url)).await,
            asked,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn copy(&self) -> Result<ETag, Error> {
        let (draft_bucket, main_bucket) =
            DraftBucket::pair(bucket("files-draft"), bucket("files")).expect("they differ");
        let (key, draft_etag) = (key("file.bin"), etag(ETAG));
        let copy = CopyToMain {
            draft_bucket: &draft_bucket,
            draft_key: &key,
            draft_etag: &draft_etag,
            main_bucket: &main_bucket,
            main_key: &key,
            if_destination: IfDestination::Absent,
            attributes: &Attributes::default(),
        };
        self.storage.copy_to_main(&copy).await
    }

    async fn delete(&self) -> Result<(), Error> {
        let (draft_bucket, _) = DraftBucket::pair(bucket("files-draft"), bucket("files")).expect("they differ");
        let draft = DraftVersion {
            key: key("file.bin"),
            etag: etag(ETAG),
        };
        self.storage.delete_draft(&draft_bucket, &draft).await
    }
}

/// Not an answer: the connection stays open.
const SILENCE: &str = "silence";

/// Not an answer either: the connection is closed.
const HANG_UP: &str = "";

const EMPTY_LIST: &str = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";

fn settings(url: String) -> Settings {
    let timeouts = Timeouts {
        connect: Duration::from_secs(1),
        attempt: Duration::from_millis(200),
        call: Duration::from_secs(5),
        copy: Duration::from_millis(200),
    };
    let credentials = Some(StaticCredentials::new("AKID", "hush"));
    Settings {
        endpoint: Some(url),
        credentials,
        timeouts,
        ..Settings::new("us-east-1")
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn error(status: &str, code: &str) -> String {
    answer(
        status,
        &format!("<Error><Code>{code}</Code><Message>said the store</Message></Error>"),
    )
}

#[tokio::test]
async fn an_error_within_a_200_is_no_copy() {
    let store = Canned::answering(vec![error("200 OK", "InternalError")]).await;
    assert_eq!(store.copy().await.expect_err("no copy").kind, ErrorKind::Unavailable);
    let store = Canned::answering(vec![error("200 OK", "PreconditionFailed")]).await;
    assert_eq!(
        store.copy().await.expect_err("no copy").kind,
        ErrorKind::PreconditionFailed
    );
    let store = Canned::answering(vec![answer("200 OK", "<html>")]).await;
    assert_eq!(store.copy().await.expect_err("no copy").kind, ErrorKind::Unexpected);
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
            store.copy().await.expect_err("no copy").kind,
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
    store.delete().await.expect("it is gone");
    let there = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\netag: \"abc\"\r\n\
                 last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
    let store = Canned::answering(vec![refused, there.to_owned()]).await;
    assert_eq!(
        store.delete().await.expect_err("another version").kind,
        ErrorKind::PreconditionFailed
    );
}
