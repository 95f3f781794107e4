//! Running the binary.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use draftstore_testing::proxy::Pause;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::Child;

/// A user's files and memory, and the server that they use.
pub(crate) struct User {
    directory: TempDir,
    server: String,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl User {
    pub(crate) fn of(server: &str) -> Self {
        Self {
            directory: TempDir::new().expect("a directory"),
            server: server.to_owned(),
        }
    }

    /// A path of theirs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    /// A file of so many bytes, no two blocks of which are alike.
    pub(crate) fn large_file(&self, name: &str, len: usize) -> PathBuf {
        let path = self.path(name);
        let mut file = File::create(&path).expect("made");
        let mut left = len;
        let mut block = vec![0; 1024 * 1024];
        while left > 0 {
            rand::fill(&mut block[..]);
            let len = left.min(block.len());
            file.write_all(&block[..len]).expect("written");
            left -= len;
        }
        path
    }

    /// The program, with nothing of the test's own environment.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_draftctl"));
        command
            .env_clear()
            .env("XDG_STATE_HOME", self.state())
            .env("DRAFTSTORE_SERVER", &self.server)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        self.command(arguments).output().expect("it runs").into()
    }

    /// Runs it to its end, which must be a good one, and gives the only result.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(arguments);
        let ended = Ended::from(command.arg("--json").output().expect("it runs"));
        assert_eq!(ended.status, 0, "{ended:?}");
        ended.result()
    }

    /// Starts it.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let mut command = tokio::process::Command::from(self.command(arguments));
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Running(command.spawn().expect("it starts"))
    }

    /// Where it remembers uploads.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// What it remembers: names of files.
    pub(crate) fn remembered(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.state().join("draftctl")) else {
            return Vec::new();
        };
        let paths = files.map(|file| file.expect("read").path());
        let kept = paths.filter(|path| path.extension().is_none_or(|extension| extension != "lock"));
        kept.map(|path| path.file_name().expect("a name").to_str().expect("ASCII").to_owned())
            .collect()
    }
}

/// A run under way. Killed when it goes out of scope.
pub(crate) struct Running(Child);

impl Running {
    /// Waits until it has come to where the proxy holds it.
    pub(crate) async fn reaches(&mut self, pause: &mut Pause) {
        tokio::select! {
            () = pause.arrived() => {}
            status = self.0.wait() => {
                let mut err = String::new();
                let stream = self.0.stderr.as_mut().expect("piped");
                stream.read_to_string(&mut err).await.expect("UTF-8");
                panic!("it ended before, with {status:?}: {err}");
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id().expect("it runs")
    }

    /// Sends SIGKILL, and waits.
    pub(crate) async fn kill(mut self) {
        self.0.kill().await.expect("killed");
    }

    /// Sends SIGINT.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill")
            .args(["-s", "INT", &self.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Ended {
        self.0.wait_with_output().await.expect("ended").into()
    }
}

impl Ended {
    /// The only line of JSON on standard output.
    pub(crate) fn result(&self) -> Value {
        let [result] = &self.results()[..] else {
            panic!("not one result: {self:?}");
        };
        result.clone()
    }

    /// The lines of JSON on standard output.
    pub(crate) fn results(&self) -> Vec<Value> {
        self.out.lines().map(parse).collect()
    }

    /// The failures on standard error, of which every line is JSON.
    pub(crate) fn failures(&self) -> Vec<Value> {
        let lines = self.err.lines().map(parse);
        lines.filter_map(|line| line.get("error").cloned()).collect()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
