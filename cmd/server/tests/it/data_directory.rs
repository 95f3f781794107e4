//! The data directory of the embedded store: its permissions, and one that cannot be used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::front::draft;
use crate::server::{Server, command};

/// Longer than what is stored in the index, so that it becomes a file.
const BLOB: &[u8] = &[7; 100_000];

/// Returns everything in the directory that others may access.
fn open_to_others(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("read") {
        let path = entry.expect("read").path();
        let metadata = fs::symlink_metadata(&path).expect("there");
        if metadata.is_dir() {
            found.extend(open_to_others(&path));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_private_in_a_directory_that_is_open_to_others() {
    for (mode, is_warned) in [(0o700, false), (0o755, false), (0o777, true)] {
        let directory = TempDir::new().expect("a temporary directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("changed");
        let server = Server::start_in(directory.path(), &[]);
        draft(&server, "large", BLOB).await;
        assert_eq!(open_to_others(directory.path()), Vec::<PathBuf>::new(), "{mode:o}");
        let (_, log) = server.stop();
        let warned = log.contains("data directory writable by others") && log.contains("0777");
        assert_eq!(warned, is_warned, "{mode:o}: {log}");
    }
}

#[test]
fn index_of_an_earlier_version_becomes_private() {
    let server = Server::start();
    let directory = server.stop_and_keep_data();
    let index = directory.path().join("index.redb");
    fs::set_permissions(&index, Permissions::from_mode(0o644)).expect("changed");
    let _server = Server::start_in(directory.path(), &[]);
    assert_eq!(open_to_others(directory.path()), Vec::<PathBuf>::new());
}

#[test]
fn unusable_directory_is_named_with_its_variable_and_the_cause() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("file");
    fs::write(&file, "no directory").expect("written");
    let below = file.join("data");
    for (path, cause) in [
        (Path::new("/proc/foo"), "No such file or directory"),
        (&file, "Not a directory"),
        (&below, "Not a directory"),
    ] {
        for arguments in [&[][..], &["doctor", "--fix"]] {
            let mut command = command();
            command
                .env("EMBEDDED_DATA_DIR", path)
                .env("EMBEDDED_PORT", "0")
                .args(arguments);
            let ended = command.output().expect("runs");
            let said = String::from_utf8(ended.stderr).expect("UTF-8");
            assert_eq!(ended.status.code(), Some(1), "{said}");
            let path = path.to_str().expect("UTF-8");
            for part in ["EMBEDDED_DATA_DIR", path, cause] {
                assert!(said.contains(part), "{part}: {said}");
            }
        }
    }
}
