//! A clamd of its own for a test, with a signature of ours: none of others can be fetched.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The time in which clamd is to listen on its socket.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running clamd, on a Unix socket. It takes streams of at most 100 MiB.
#[derive(Debug)]
pub struct Clamd {
    child: Child,
    home: TempDir,
}

impl Clamd {
    /// The bytes that the signature finds, wherever they are: the EICAR test file, in two halves, so that no scanner finds it
    /// here.
    ///
    /// Source: <https://www.eicar.org/download-anti-malware-testfile/>
    pub const MARKER: &'static [u8] = concat!(
        r"X5O!P%@AP[4\PZX54(P^)7CC)7}$",
        "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    )
    .as_bytes();

    /// The name that clamd reports for them.
    pub const FOUND: &'static str = "DraftStore.Test.UNOFFICIAL";

    /// Starts a clamd, and waits until it listens.
    ///
    /// # Panics
    /// If clamd is not on the `PATH`, or does not listen in time.
    #[must_use]
    pub fn start() -> Self {
        let home = TempDir::new().expect("a directory");
        let mut signature = "DraftStore.Test:0:*:".to_owned();
        for byte in Self::MARKER {
            write!(signature, "{byte:02x}").expect("a string takes text");
        }
        fs::write(home.path().join("own.ndb"), signature + "\n").expect("a signature");
        let place = home.path().display();
        let config = format!(
            "DatabaseDirectory {place}\nLocalSocket {place}/socket\nTemporaryDirectory {place}\nForeground yes\n\
             StreamMaxLength 100M\nMaxFileSize 100M\nMaxScanSize 400M\nAlertExceedsMax yes\n"
        );
        let path = home.path().join("clamd.conf");
        fs::write(&path, config).expect("a configuration");
        let child = Command::new("clamd")
            .arg("--config-file")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("clamd is on PATH: install Debian's clamav-daemon");
        let daemon = Self { child, home };
        let started = Instant::now();
        while UnixStream::connect(daemon.socket()).is_err() {
            assert!(started.elapsed() < START_TIMEOUT, "clamd listens on its socket");
            std::thread::yield_now();
        }
        daemon
    }

    /// Returns the path of its socket.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("socket")
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}
