//! `kill -9` at any moment: acknowledged writes are complete, others are not partially visible, and no files are leaked.
//!
//! The victim is this test program, started again to run an ignored test that serves a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, VersioningConfiguration};
use bytes::Bytes;
use draftstore_embedded::Credentials;
use futures::future::join_all;

use crate::harness::{BUCKET, TestStore, blob_files, client, noise, start};

const ROUNDS: usize = 20;
const WRITERS: usize = 8;
const DATA_DIR: &str = "DRAFTSTORE_TEST_VICTIM_DIR";
const READY: &str = "listening on ";

#[tokio::test]
#[ignore = "started by acknowledged_writes_survive_kill_9, to be killed"]
async fn victim() {
    let data_dir = std::env::var(DATA_DIR).expect("the directory to serve");
    let (store, _) = start(Path::new(&data_dir)).await;
    println!("{READY}{}", store.endpoint());
    std::future::pending::<()>().await;
}

fn start_victim(data_dir: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kill::victim",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(DATA_DIR, data_dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some((_, endpoint)) = line.unwrap().split_once(READY) {
            return (child, endpoint.to_owned());
        }
    }
    panic!("the victim ended before it listened: {:?}", child.wait());
}

/// The writes of the test by key: the last acknowledged body, and the bodies sent since, in any round, without a response.
/// A deleted object has no body.
#[derive(Default)]
struct WriteHistory {
    acknowledged: BTreeMap<String, Option<Bytes>>,
    unanswered: BTreeMap<String, Vec<Option<Bytes>>>,
    /// The acknowledged versions that nothing may remove: key, version ID and body.
    versions: Vec<(String, String, Bytes)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_writes_survive_kill_9() {
    let dir = tempfile::TempDir::new().unwrap();
    let credentials = Credentials::load_or_create(dir.path()).unwrap();
    let history = Mutex::new(WriteHistory::default());
    for round in 0..ROUNDS {
        let (mut victim, endpoint) = start_victim(dir.path());
        let s3 = client(&endpoint, &credentials);
        s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        set_versioning(&s3, round).await;
        // In each round it is killed after a different number of acknowledged writes, while all writers are writing.
        let fatal = 1 + (round * 7) % 19;
        let acknowledged = AtomicUsize::new(0);
        let victim = Mutex::new(&mut victim);
        join_all((0..WRITERS).map(|writer| {
            let (s3, history, acknowledged, victim) = (&s3, &history, &acknowledged, &victim);
            async move {
                for step in 0.. {
                    let seed = (round * WRITERS + writer) * 1000 + step;
                    let key = format!("{writer}/{}", step % 3);
                    let body = noise(seed as u64, [10, 70_000, 600_000][step % 3] + seed);
                    let body = (step % 5 != 4).then_some(body);
                    {
                        let mut history = history.lock().unwrap();
                        history.unanswered.entry(key.clone()).or_default().push(body.clone());
                    }
                    let written = match &body {
                        Some(body) => write(s3, &key, body, step).await,
                        None => s3
                            .delete_object()
                            .bucket(BUCKET)
                            .key(&key)
                            .send()
                            .await
                            .ok()
                            .map(|_| None),
                    };
                    let Some(version) = written else { return };
                    let mut history = history.lock().unwrap();
                    history.unanswered.remove(&key);
                    if let (Some(id), Some(body)) = (version.filter(|id| id != "null"), &body) {
                        history.versions.push((key.clone(), id, body.clone()));
                    }
                    history.acknowledged.insert(key, body);
                    drop(history);
                    if acknowledged.fetch_add(1, Ordering::Relaxed) == fatal {
                        victim.lock().unwrap().kill().unwrap();
                    }
                }
            }
        }))
        .await;
        victim.into_inner().unwrap().wait().unwrap();
    }

    let store = TestStore::start_in(dir).await;
    let history = history.into_inner().unwrap();
    assert!(history.acknowledged.len() > WRITERS && history.versions.len() > WRITERS);
    history.audit(&store).await;
    // Everything that refers to blobs is removed: versions, scratch objects, and uploads that a kill left behind.
    loop {
        let page = store.s3.list_object_versions().bucket(BUCKET).send().await.unwrap();
        let versions = page
            .versions()
            .iter()
            .map(|version| (version.key(), version.version_id()));
        let markers = page
            .delete_markers()
            .iter()
            .map(|marker| (marker.key(), marker.version_id()));
        for (key, id) in versions.chain(markers) {
            store.delete_version(key.unwrap(), id.unwrap()).await;
        }
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    for upload in store
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap()
        .uploads()
    {
        let abort = store
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(upload.key().unwrap());
        abort.upload_id(upload.upload_id().unwrap()).send().await.unwrap();
    }
    let dir = store.stop().await;
    assert_eq!(
        blob_files(dir.path()),
        Vec::<std::path::PathBuf>::new(),
        "no file is leaked"
    );
}

/// Starts without versions, and then enables and suspends them by turns.
async fn set_versioning(s3: &Client, round: usize) {
    let status = match round {
        0..4 => return,
        _ if round.is_multiple_of(3) => BucketVersioningStatus::Suspended,
        _ => BucketVersioningStatus::Enabled,
    };
    let configuration = VersioningConfiguration::builder().status(status).build();
    let put = s3.put_bucket_versioning().bucket(BUCKET);
    put.versioning_configuration(configuration).send().await.unwrap();
}

impl WriteHistory {
    /// Checks that every key holds its acknowledged body or a complete one sent since, and every version its own.
    async fn audit(&self, store: &TestStore) {
        let keys: BTreeSet<&String> = self.acknowledged.keys().chain(self.unanswered.keys()).collect();
        for key in keys {
            let found = store.get(key).await;
            let unanswered = self.unanswered.get(key).into_iter().flatten();
            let acknowledged = self.acknowledged.get(key).unwrap_or(&None);
            assert!(
                unanswered.chain([acknowledged]).any(|body| *body == found),
                "{key} is torn or lost: {:?} bytes",
                found.map(|found| found.len())
            );
        }
        for (key, id, body) in &self.versions {
            let got = store.s3.get_object().bucket(BUCKET).key(key).version_id(id);
            let got = got.send().await.unwrap().body.collect().await.unwrap();
            assert!(got.into_bytes() == *body, "version {id} of {key} is torn");
        }
    }
}

/// Stores `body` under `key` in one of three ways. Returns its version ID, or `None` if the store was killed before it
/// responded.
async fn write(s3: &Client, key: &str, body: &Bytes, step: usize) -> Option<Option<String>> {
    let bytes = || ByteStream::from(body.clone());
    match step / 3 % 3 {
        0 => {
            let put = s3.put_object().bucket(BUCKET).key(key).body(bytes());
            Some(put.send().await.ok()?.version_id)
        }
        1 => {
            let scratch = format!("scratch/{key}");
            let put = s3.put_object().bucket(BUCKET).key(&scratch).body(bytes());
            put.send().await.ok()?;
            let copy = s3.copy_object().bucket(BUCKET).key(key);
            let copied = copy.copy_source(format!("{BUCKET}/{scratch}")).send().await.ok()?;
            s3.delete_object().bucket(BUCKET).key(&scratch).send().await.ok()?;
            Some(copied.version_id)
        }
        _ => {
            let upload = s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.ok()?;
            let id = upload.upload_id()?;
            let part = s3
                .upload_part()
                .bucket(BUCKET)
                .key(key)
                .upload_id(id)
                .part_number(1)
                .body(bytes());
            let part = CompletedPart::builder()
                .part_number(1)
                .e_tag(part.send().await.ok()?.e_tag?)
                .build();
            let parts = CompletedMultipartUpload::builder().parts(part).build();
            let complete = s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(id);
            Some(complete.multipart_upload(parts).send().await.ok()?.version_id)
        }
    }
}
