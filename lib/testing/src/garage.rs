//! Garage 2.5, an independent S3 server, from the binary `garage` on `PATH`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Process, free_ports};
use crate::{StoreEndpoint, http_client};

const REGION: &str = "garage";
const ACCESS_KEY_ID: &str = "GK0123456789abcdef01234567";
const WRITER_KEY_ID: &str = "GK76543210abcdef0123456789";
const SECRET_ACCESS_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The first version that configures itself as a single node with a key.
const VERSION: &str = "2.5";

/// The time limit for a start. On an idle machine it takes a fifth of a second.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The interval of the checks whether it accepts requests.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// The number of attempts to start, because another process may take a port between finding and binding it.
const START_ATTEMPTS: usize = 5;

/// A running Garage of one node with an empty store, on free ports. It stops on drop, and its data is deleted.
#[derive(Debug)]
pub struct Garage {
    process: Process,
    endpoint: StoreEndpoint,
    /// Dropped after the process, which writes to it.
    directory: TempDir,
}

impl Garage {
    /// Starts Garage and waits until it accepts requests.
    ///
    /// # Panics
    /// Panics with the reason if `garage` is not on `PATH`, has another version, or does not start.
    pub async fn start() -> Self {
        require_version();
        let mut failures = String::new();
        for _ in 0..START_ATTEMPTS {
            match Self::try_start().await {
                Ok(garage) => return garage,
                Err(log) => writeln!(failures, "{log}").expect("writing to a string cannot fail"),
            }
        }
        panic!("garage did not start in {START_ATTEMPTS} attempts; its logs:\n{failures}");
    }

    /// Returns the address and a key pair, which may create buckets and owns the ones it creates.
    pub fn endpoint(&self) -> &StoreEndpoint {
        &self.endpoint
    }

    /// Creates a bucket, and an additional key pair that may only write to it. The first pair owns the bucket.
    ///
    /// The bucket is created here because Garage does not let other keys use a bucket that was created by S3.
    ///
    /// # Panics
    /// Panics if Garage rejects a command.
    pub fn key_that_writes(&self, bucket: &str) -> StoreEndpoint {
        let (id, secret) = (WRITER_KEY_ID, SECRET_ACCESS_KEY);
        self.command(&["key", "import", "--yes", id, secret]);
        self.command(&["bucket", "create", bucket]);
        let all = ["--read", "--write", "--owner", bucket, "--key", ACCESS_KEY_ID];
        self.command(&[&["bucket", "allow"][..], &all].concat());
        self.command(&["bucket", "allow", "--write", bucket, "--key", id]);
        StoreEndpoint {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            ..self.endpoint.clone()
        }
    }

    fn command(&self, arguments: &[&str]) {
        let config = self.directory.path().join("garage.toml");
        let mut command = Command::new("garage");
        let output = command.arg("--config").arg(config).args(arguments).output();
        let output = output.expect("`garage` has been run before");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn try_start() -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory can be created");
        let [s3_port, rpc_port] = free_ports();
        let process = spawn(directory.path(), s3_port, rpc_port);
        let url = format!("http://127.0.0.1:{s3_port}");
        let mut garage = Self {
            process,
            endpoint: StoreEndpoint {
                url,
                region: REGION.to_owned(),
                access_key_id: ACCESS_KEY_ID.to_owned(),
                secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            },
            directory,
        };
        let deadline = Instant::now() + START_TIMEOUT;
        let mut poll = tokio::time::interval(POLL_EVERY);
        let client = http_client();
        loop {
            poll.tick().await;
            let ended = garage
                .process
                .0
                .try_wait()
                .expect("the status of a child can be read")
                .is_some();
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(garage.directory.path().join("log"));
                return Err(log.unwrap_or_else(|error| format!("no log: {error}")));
            }
            if client.get(&garage.endpoint.url).send().await.is_ok() {
                return Ok(garage);
            }
        }
    }
}

fn require_version() {
    let version = match Command::new("garage").arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => panic!(
            "this test needs the binary `garage` {VERSION} on PATH: cargo install garage --version 2.5.0 --locked \
             --no-default-features --features bundled-libs,sqlite,lmdb"
        ),
        Err(error) => panic!("`garage --version` does not run: {error}"),
    };
    let matches = version
        .split(':')
        .nth(1)
        .is_some_and(|number| number.starts_with(&format!("{VERSION}.")));
    assert!(matches, "this test needs `garage` {VERSION} on PATH, not {version:?}");
}

fn spawn(directory: &Path, s3_port: u16, rpc_port: u16) -> Process {
    let config = directory.join("garage.toml");
    let [meta, data] = ["meta", "data"].map(|name| directory.join(name).display().to_string());
    let text = format!(
        r#"
            metadata_dir = "{meta}"
            data_dir = "{data}"
            db_engine = "sqlite"
            replication_factor = 1
            rpc_secret = "{SECRET_ACCESS_KEY}"
            rpc_bind_addr = "127.0.0.1:{rpc_port}"
            rpc_public_addr = "127.0.0.1:{rpc_port}"
            [s3_api]
            s3_region = "{REGION}"
            api_bind_addr = "127.0.0.1:{s3_port}"
        "#
    );
    fs::write(&config, text).expect("a temporary directory can be written to");
    let log = File::create(directory.join("log")).expect("a temporary directory can be written to");
    let child = Command::new("garage")
        .arg("--config")
        .arg(&config)
        .args(["server", "--single-node", "--default-access-key"])
        .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY_ID)
        .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_ACCESS_KEY)
        .env_remove("GARAGE_RPC_SECRET")
        .env_remove("GARAGE_RPC_SECRET_FILE")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file handle can be cloned"))
        .stderr(log)
        .spawn()
        .expect("`garage` has been run before");
    Process(child)
}
