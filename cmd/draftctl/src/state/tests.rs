use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::cli::{HeaderArgs, OptionArgs};
use crate::exit::Exit;

fn identity(name: &str) -> UploadIdentity {
    UploadIdentity {
        server: "http://127.0.0.1:50051".to_owned(),
        file: "/tmp/file".into(),
        object_name: name.to_owned(),
        unique: false,
        content_type: None,
        headers: HeaderArgs::default(),
        storage: OptionArgs::default(),
        metadata: BTreeMap::new(),
    }
}

fn state(phase: UploadPhase) -> UploadState {
    UploadState {
        file: "/tmp/file".to_owned(),
        object_name: "file".to_owned(),
        stamp: FileStamp {
            size: 1,
            modified_ns: 2,
        },
        phase,
    }
}

fn completing() -> UploadPhase {
    UploadPhase::Completing {
        upload_id: "u".to_owned(),
        draft_id: None,
    }
}

fn path_of(state_file: &StateFile) -> &Path {
    &state_file.0.as_ref().expect("stored").path
}

#[test]
fn state_is_stored_until_it_is_removed() {
    let directory = TempDir::new().expect("a directory");
    let state_file = StateFile::open_in(directory.path(), &identity("a")).expect("locked");
    assert_eq!(state_file.load().expect("read"), None);
    for phase in [
        UploadPhase::Uploading {
            upload_id: "u".to_owned(),
            draft_id: Some("d".to_owned()),
        },
        completing(),
        UploadPhase::Uploaded {
            draft_id: None,
            etag: "e".to_owned(),
            idempotency_key: "k".to_owned(),
        },
    ] {
        state_file.save(&state(phase.clone())).expect("saved");
        assert_eq!(state_file.load().expect("read"), Some(state(phase)));
    }
    let mode = fs::metadata(path_of(&state_file)).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    state_file.remove().expect("removed");
    state_file.remove().expect("nothing to remove");
    drop(state_file);
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 0);
}

#[test]
fn only_one_process_can_lock_an_upload() {
    let directory = TempDir::new().expect("a directory");
    let lock = |name: &str| StateFile::open_in(directory.path(), &identity(name));
    let state_file = lock("a").expect("locked");
    assert_eq!(lock("a").expect_err("busy").exit, Exit::Busy);
    lock("b").expect("another upload");
    drop(state_file);
    lock("a").expect("unlocked");
}

#[test]
fn truncated_state_file_is_ignored() {
    let directory = TempDir::new().expect("a directory");
    let state_file = StateFile::open_in(directory.path(), &identity("a")).expect("locked");
    let text = serde_json::to_vec(&state(completing())).expect("JSON");
    fs::write(path_of(&state_file), &text[..text.len() / 2]).expect("written");
    assert_eq!(state_file.load().expect("read"), None);
}
