//! Other libraries, which run in a separate program.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};
use draftstore_benches::{ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL};

/// The libraries that the program measures.
pub(crate) const PEERS: [&str; 3] = ["rusty-s3", "object_store", "opendal"];

/// The URLs per measurement, which cost some ten times as much as ours.
const CALLS: u32 = 1_000;

pub(crate) struct PeerProgram {
    program: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl PeerProgram {
    /// Builds the program in release mode and starts it.
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
        let stdin = program.stdin.take().context("stdin is not piped")?;
        let stdout = BufReader::new(program.stdout.take().context("stdout is not piped")?);
        let peers = Self {
            program,
            pipes: RefCell::new((stdin, stdout)),
        };
        for peer in PEERS {
            let url = peers.request(peer)?;
            let begin = format!("{ENDPOINT}/{DRAFT_BUCKET}/{}?", super::KEY);
            ensure!(url.starts_with(&begin), "{peer} signed a different URL: {url}");
        }
        Ok(peers)
    }

    /// Measures the seconds per URL of a library.
    pub(crate) fn seconds_each(&self, peer: &str) -> anyhow::Result<f64> {
        Ok(self.request(&format!("{peer} {CALLS}"))?.parse()?)
    }

    fn request(&self, line: &str) -> anyhow::Result<String> {
        let mut pipes = self.pipes.borrow_mut();
        writeln!(pipes.0, "{line}")?;
        let mut response = String::new();
        pipes.1.read_line(&mut response)?;
        ensure!(!response.is_empty(), "the program `peers` exited early");
        Ok(response.trim_end().to_owned())
    }
}

impl Drop for PeerProgram {
    fn drop(&mut self) {
        // The program has no more input to read.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
