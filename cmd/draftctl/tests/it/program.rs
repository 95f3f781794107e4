//! Runs of the draftctl binary.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use draftstore_testing::proxy::Pause;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;

/// A user with a home directory and a server.
pub(crate) struct TestUser {
    directory: TempDir,
    server: String,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct RunResult {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl TestUser {
    pub(crate) fn of(server: &str) -> Self {
        Self {
            directory: TempDir::new().expect("a directory"),
            server: server.to_owned(),
        }
    }

    /// Returns a path in the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Writes a file of `len` random bytes.
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

    /// Returns a command without the environment of the test.
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

    /// Runs the command to completion.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> RunResult {
        self.command(arguments).output().expect("it runs").into()
    }

    /// Runs the command, which must succeed, and returns its only result.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(arguments);
        let ended = RunResult::from(command.arg("--json").output().expect("it runs"));
        assert_eq!(ended.status, 0, "{ended:?}");
        ended.result()
    }

    /// Starts the command.
    pub(crate) fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> RunningCommand {
        let mut command = tokio::process::Command::from(self.command(arguments));
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        RunningCommand(command.spawn().expect("it starts"))
    }

    /// Returns the directory of the state files.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Returns the names of the state files.
    pub(crate) fn state_files(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.state().join("draftctl")) else {
            return Vec::new();
        };
        let paths = files.map(|file| file.expect("read").path());
        let kept = paths.filter(|path| path.extension().is_none_or(|extension| extension != "lock"));
        kept.map(|path| path.file_name().expect("a name").to_str().expect("ASCII").to_owned())
            .collect()
    }
}

/// A run in progress, killed on drop.
pub(crate) struct RunningCommand(Child);

impl RunningCommand {
    /// Waits until the proxy holds a request of the run.
    pub(crate) async fn reaches(&mut self, pause: &mut Pause) {
        tokio::select! {
            () = pause.arrived() => {}
            status = self.0.wait() => {
                let mut err = String::new();
                let stream = self.0.stderr.as_mut().expect("piped");
                stream.read_to_string(&mut err).await.expect("UTF-8");
                panic!("draftctl ended early with {status:?}: {err}");
            }
        }
    }

    /// Waits for a line of JSON on standard output. Lines that were read with it are lost.
    pub(crate) async fn result(&mut self) -> Value {
        let mut line = String::new();
        let stream = self.0.stdout.as_mut().expect("piped");
        BufReader::new(stream).read_line(&mut line).await.expect("UTF-8");
        parse(&line)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id().expect("it runs")
    }

    /// Sends SIGKILL and waits for the end.
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

    /// Waits for the end.
    pub(crate) async fn ended(self) -> RunResult {
        self.0.wait_with_output().await.expect("ended").into()
    }
}

impl RunResult {
    /// Returns the only line of JSON on standard output.
    pub(crate) fn result(&self) -> Value {
        let [result] = &self.results()[..] else {
            panic!("not one result: {self:?}");
        };
        result.clone()
    }

    /// Returns the lines of JSON on standard output.
    pub(crate) fn results(&self) -> Vec<Value> {
        self.out.lines().map(parse).collect()
    }

    /// Returns the errors on standard error, whose lines must all be JSON.
    pub(crate) fn failures(&self) -> Vec<Value> {
        let lines = self.err.lines().map(parse);
        lines.filter_map(|line| line.get("error").cloned()).collect()
    }
}

impl From<Output> for RunResult {
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

/// Returns a path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
