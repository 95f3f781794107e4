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
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use draftstore_embedded::Credentials;
use futures::future::join_all;

use crate::harness::{BUCKET, MAX_INLINE, TestStore, blob_files, client, noise, start};

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
#[derive(Default)]
struct WriteHistory {
    acknowledged: BTreeMap<String, Bytes>,
    unanswered: BTreeMap<String, Vec<Bytes>>,
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
                    {
                        let mut history = history.lock().unwrap();
                        history.unanswered.entry(key.clone()).or_default().push(body.clone());
                    }
                    if write(s3, &key, &body, step).await.is_none() {
                        return;
                    }
                    let mut history = history.lock().unwrap();
                    history.unanswered.remove(&key);
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
    assert!(history.acknowledged.len() > WRITERS);
    let present = history.audit(&store).await;
    // Scratch objects and unfinished uploads that a kill left behind refer to blobs as well.
    for object in store
        .s3
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix("scratch/")
        .send()
        .await
        .unwrap()
        .contents()
    {
        store
            .s3
            .delete_object()
            .bucket(BUCKET)
            .key(object.key().unwrap())
            .send()
            .await
            .unwrap();
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
        blob_files(dir.path()).len(),
        present,
        "one file for each object that is not inline, and no others"
    );
}

impl WriteHistory {
    /// Checks that every key holds its acknowledged body or a complete one sent since, and returns the number of files.
    async fn audit(&self, store: &TestStore) -> usize {
        let keys: BTreeSet<&String> = self.acknowledged.keys().chain(self.unanswered.keys()).collect();
        let mut present = 0;
        for key in keys {
            let acknowledged = self.acknowledged.get(key);
            let Some(found) = store.get(key).await else {
                assert_eq!(acknowledged, None, "{key} is lost");
                continue;
            };
            let unanswered = self.unanswered.get(key).into_iter().flatten();
            assert!(
                unanswered.chain(acknowledged).any(|body| *body == found),
                "{key} is torn: {} bytes",
                found.len()
            );
            present += usize::from(found.len() > MAX_INLINE);
        }
        present
    }
}

/// Stores `body` under `key` in one of three ways; `None` if the store was killed before it responded.
async fn write(s3: &Client, key: &str, body: &Bytes, step: usize) -> Option<()> {
    let bytes = || ByteStream::from(body.clone());
    match step / 3 % 3 {
        0 => drop(
            s3.put_object()
                .bucket(BUCKET)
                .key(key)
                .body(bytes())
                .send()
                .await
                .ok()?,
        ),
        1 => {
            let scratch = format!("scratch/{key}");
            s3.put_object()
                .bucket(BUCKET)
                .key(&scratch)
                .body(bytes())
                .send()
                .await
                .ok()?;
            s3.copy_object()
                .bucket(BUCKET)
                .key(key)
                .copy_source(format!("{BUCKET}/{scratch}"))
                .send()
                .await
                .ok()?;
            s3.delete_object().bucket(BUCKET).key(&scratch).send().await.ok()?;
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
            complete.multipart_upload(parts).send().await.ok()?;
        }
    }
    Some(())
}
