//! Policies and API keys of a test.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::front::{Failure, Front};
use crate::server::{Server, command};

/// The timeout for a change of a file to take effect.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

/// A directory with a policy.
pub(crate) struct Policy {
    directory: TempDir,
}

impl Policy {
    pub(crate) fn new(text: &str) -> Self {
        let policy = Self {
            directory: TempDir::new().expect("a directory"),
        };
        policy.write("policy.toml", text);
        policy
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("policy.toml")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes or replaces a file in the directory atomically.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let new = self.directory.path().join("new");
        fs::write(&new, text).expect("written");
        fs::rename(new, self.directory.path().join(name)).expect("renamed");
    }

    /// Starts a server with this policy.
    pub(crate) fn server(&self, auth: &str, more: &[(&str, &str)]) -> Server {
        let path = self.path();
        let path = path.to_str().expect("UTF-8");
        Server::start_with(&[&[("AUTH", auth), ("POLICY_FILE", path)], more].concat())
    }
}

/// Creates a key for a caller, and returns it with its entry for the policy.
pub(crate) fn new_key(caller: &str) -> (String, String) {
    let made = command().args(["key", "new", "--name", caller]).output().expect("runs");
    assert!(made.status.success());
    let made = String::from_utf8(made.stdout).expect("UTF-8");
    let (key, policy) = made.split_once('\n').expect("several lines");
    (key.to_owned(), policy.to_owned())
}

/// Returns the value of `authorization` for a token.
pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Requests an upload URL, which needs the scope `upload`.
pub(crate) async fn upload_url(front: Front, server: &Server, token: &str) -> Result<Value, Failure> {
    let request = json!({"object_name": "a"});
    let authorization = bearer(token);
    front
        .call_with(&[("authorization", &authorization)], server, "upload-url", request)
        .await
}

/// Repeats a request until the key is accepted, or until it is refused.
pub(crate) async fn until_taken(server: &Server, key: &str, taken: bool) {
    let asking = async { while upload_url(Front::Rest, server, key).await.is_ok() != taken {} };
    timeout(TIMEOUT, asking).await.expect("a change of the policy is seen");
}
