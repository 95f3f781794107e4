//! Other libraries, in a program of their own.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};
use draftstore_benches::{ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL};

/// What the program knows.
pub(crate) const PEERS: [&str; 3] = ["rusty-s3", "object_store", "opendal"];

/// URLs in one measurement: these cost some ten times as much as ours.
const CALLS: u32 = 1_000;

pub(crate) struct Peers {
    program: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Peers {
    /// Builds the program as this one is built, and starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/Cargo.toml");
        let arguments = [
            ENDPOINT,
            REGION,
            DRAFT_BUCKET,
            super::KEY,
            &UPLOAD_TTL.as_secs().to_string(),
            ACCESS_KEY_ID,
            SECRET_ACCESS_KEY,
        ];
        let mut program = Command::new(env!("CARGO"))
            .args(["run", "--release", "--locked", "--quiet", "--manifest-path"])
            .arg(manifest)
            .arg("--")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = program.stdin.take().context("it is piped")?;
        let stdout = BufReader::new(program.stdout.take().context("it is piped")?);
        let peers = Self {
            program,
            pipes: RefCell::new((stdin, stdout)),
        };
        for peer in PEERS {
            let url = peers.ask(peer)?;
            let begin = format!("{ENDPOINT}/{DRAFT_BUCKET}/{}?", super::KEY);
            ensure!(url.starts_with(&begin), "{peer} signs something else: {url}");
        }
        Ok(peers)
    }

    /// What one of them takes for a URL.
    pub(crate) fn seconds_each(&self, peer: &str) -> anyhow::Result<f64> {
        Ok(self.ask(&format!("{peer} {CALLS}"))?.parse()?)
    }

    fn ask(&self, question: &str) -> anyhow::Result<String> {
        let mut pipes = self.pipes.borrow_mut();
        writeln!(pipes.0, "{question}")?;
        let mut answer = String::new();
        pipes.1.read_line(&mut answer)?;
        ensure!(!answer.is_empty(), "the program of the other libraries has ended");
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // It reads nothing more, and ends.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
