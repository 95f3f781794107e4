//! `kill -9` at any moment: what was acknowledged is whole, what was not is not half there, and no file is left over.
//!
//! The victim is this very test program, started again to run one ignored test that serves a directory.

use std::collections::BTreeMap;
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

use crate::harness::{BUCKET, MIB, Store, blob_files, client, noise, start};

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

/// What the test knows: per key, what was acknowledged last, and what was sent since without an answer.
#[derive(Default)]
struct Known {
    acknowledged: BTreeMap<String, Bytes>,
    unanswered: BTreeMap<String, Bytes>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_writes_survive_kill_9() {
    let dir = tempfile::TempDir::new().unwrap();
    let credentials = Credentials::kept_or_new(dir.path()).unwrap();
    let known = Mutex::new(Known::default());
    for round in 0..ROUNDS {
        let (mut victim, endpoint) = start_victim(dir.path());
        let s3 = client(&endpoint, &credentials);
        s3.create_bucket().bucket(BUCKET).send().await.unwrap();
        // It dies after another number of acknowledged writes in each round, with all writers in the middle of one.
        let fatal = 1 + (round * 7) % 31;
        let acknowledged = AtomicUsize::new(0);
        let victim = Mutex::new(&mut victim);
        join_all((0..WRITERS).map(|writer| {
            let (s3, known, acknowledged, victim) = (&s3, &known, &acknowledged, &victim);
            async move {
                for step in 0.. {
                    let seed = (round * WRITERS + writer) * 1000 + step;
                    let key = format!("{writer}/{}", step % 3);
                    let body = noise(seed as u64, [10, 70_000, MIB + MIB / 4][step % 3] + seed);
                    known.lock().unwrap().unanswered.insert(key.clone(), body.clone());
                    if write(s3, &key, &body, step).await.is_none() {
                        return;
                    }
                    let mut known = known.lock().unwrap();
                    known.unanswered.remove(&key);
                    known.acknowledged.insert(key, body);
                    drop(known);
                    if acknowledged.fetch_add(1, Ordering::Relaxed) == fatal {
                        victim.lock().unwrap().kill().unwrap();
                    }
                }
            }
        }))
        .await;
        victim.into_inner().unwrap().wait().unwrap();
    }

    let store = Store::start_in(dir).await;
    let known = known.into_inner().unwrap();
    assert!(known.acknowledged.len() > WRITERS);
    let mut referred = 0;
    for key in known
        .acknowledged
        .keys()
        .chain(known.unanswered.keys())
        .collect::<std::collections::BTreeSet<_>>()
    {
        let found = store.get(key).await;
        let (last, maybe) = (known.acknowledged.get(key), known.unanswered.get(key));
        // Without an answer it may have been done, but then wholly.
        assert!(
            found.as_ref() == last || (maybe.is_some() && found.as_ref() == maybe),
            "{key} is lost or torn"
        );
        referred += usize::from(found.is_some());
    }
    // Copies share their blob with nobody once the scratch object is gone, and uploads left their parts behind.
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
    let files = blob_files(dir.path()).len();
    assert_eq!(files, referred, "blobs that nothing refers to, or that two keys share");
}

/// Stores `body` under `key` in one of three ways; `None` when the store did not live to answer.
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
