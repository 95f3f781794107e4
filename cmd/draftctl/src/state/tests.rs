use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::exit::Exit;

fn key(name: &str) -> Key {
    Key {
        server: "http://127.0.0.1:50051".to_owned(),
        file: "/tmp/file".into(),
        object_name: name.to_owned(),
        unique: false,
        content_type: None,
        metadata: BTreeMap::new(),
    }
}

fn record(phase: Phase) -> Record {
    Record {
        file: "/tmp/file".to_owned(),
        object_name: "file".to_owned(),
        stamp: Stamp {
            size: 1,
            modified_ns: 2,
        },
        phase,
    }
}

fn completing() -> Phase {
    Phase::Completing {
        upload_id: "u".to_owned(),
        draft_id: None,
    }
}

#[test]
fn what_is_kept_is_recalled_until_it_is_forgotten() {
    let directory = TempDir::new().expect("a directory");
    let memory = Memory::within(directory.path(), &key("a")).expect("taken");
    assert_eq!(memory.recall().expect("read"), None);
    for phase in [
        Phase::Uploading {
            upload_id: "u".to_owned(),
            draft_id: Some("d".to_owned()),
        },
        completing(),
        Phase::Uploaded {
            draft_id: None,
            etag: "e".to_owned(),
            idempotency_key: "k".to_owned(),
        },
    ] {
        memory.keep(&record(phase.clone())).expect("kept");
        assert_eq!(memory.recall().expect("read"), Some(record(phase)));
    }
    let mode = fs::metadata(&memory.path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    memory.forget().expect("forgotten");
    memory.forget().expect("nothing to forget");
    drop(memory);
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 0);
}

#[test]
fn an_upload_is_in_one_process_at_a_time() {
    let directory = TempDir::new().expect("a directory");
    let take = |name: &str| Memory::within(directory.path(), &key(name));
    let memory = take("a").expect("taken");
    assert_eq!(take("a").expect_err("busy").exit, Exit::Busy);
    take("b").expect("another upload");
    drop(memory);
    take("a").expect("free again");
}

#[test]
fn half_a_file_is_no_memory() {
    let directory = TempDir::new().expect("a directory");
    let memory = Memory::within(directory.path(), &key("a")).expect("taken");
    let text = serde_json::to_vec(&record(completing())).expect("JSON");
    fs::write(&memory.path, &text[..text.len() / 2]).expect("written");
    assert_eq!(memory.recall().expect("read"), None);
}
