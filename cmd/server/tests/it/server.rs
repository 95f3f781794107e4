//! A server for one test: the binary, on free ports, with its own data directory.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, spawn};

use draftstore_service::cleaner::Slice;
use draftstore_service::usage_counter::CountError;
use draftstore_service::{Buckets, CountLimits, Store, SystemClock, UsageCounter};
use draftstore_storage::DraftBucket;
use draftstore_testing::StoreEndpoint;
use serde_json::Value;
use tempfile::TempDir;

/// A running server. It is killed when dropped, unless it was stopped.
pub(crate) struct Server {
    child: Child,
    log: Option<JoinHandle<String>>,
    /// The `host:port` of REST.
    pub(crate) http: String,
    /// The `host:port` of gRPC.
    pub(crate) grpc: String,
    /// The `host:port` of metrics and health, or `off`.
    pub(crate) admin: String,
    /// The URL of the embedded store.
    pub(crate) store: String,
    data_dir: Option<TempDir>,
}

/// Returns the binary as a command without the environment of the test.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_draftstore-server"));
    command.env_clear();
    command
}

/// The URL of an unreachable store: no program listens on the port of tcpmux.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

impl Server {
    /// Starts a server with the embedded store, without any settings except free ports.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with additional variables.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        let data_dir = TempDir::new().expect("a temporary directory");
        let mut server = Self::start_in(data_dir.path(), variables);
        server.data_dir = Some(data_dir);
        server
    }

    /// Starts a server on an existing data directory.
    pub(crate) fn start_in(data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut settings = BTreeMap::from([
            ("HTTP_PORT", "0"),
            ("GRPC_PORT", "0"),
            ("ADMIN_PORT", "0"),
            ("EMBEDDED_PORT", "0"),
            ("LOG_FORMAT", "json"),
            ("BIND_ADDRESS", "127.0.0.1"),
        ]);
        settings.extend(variables.iter().copied());
        let mut child = command()
            .env("EMBEDDED_DATA_DIR", data_dir)
            .envs(settings)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (ready, log) = watch(&mut child);
        let Ok(ready) = ready.recv() else {
            panic!("the server ended before it was ready:\n{}", log.join().expect("a log"));
        };
        let field = |name: &str| ready[name].as_str().expect("a field of the line").to_owned();
        Self {
            http: field("http"),
            grpc: field("grpc"),
            admin: field("admin"),
            store: field("store"),
            child,
            log: Some(log),
            data_dir: None,
        }
    }

    /// Returns the directory of the store's data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir
            .as_ref()
            .expect("a server with data of its own")
            .path()
            .to_owned()
    }

    /// Returns the address of the embedded store, with the credentials of its owner.
    pub(crate) fn endpoint(&self) -> StoreEndpoint {
        let kept = std::fs::read_to_string(self.data_dir().join("credentials.json")).expect("kept credentials");
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        let text = |name: &str| kept[name].as_str().expect("a text").to_owned();
        StoreEndpoint {
            url: self.store.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: text("access_key_id"),
            secret_access_key: text("secret_access_key"),
        }
    }

    /// Enables versioning of main in the embedded store.
    pub(crate) async fn keep_versions(&self) {
        draftstore_testing::keep_versions(&self.endpoint(), &"main".parse().expect("a name")).await;
    }

    /// Counts the objects of all buckets, as a sweep does.
    pub(crate) async fn count_usage(&self) {
        self.count_usage_with(&[]).await;
    }

    /// Counts the objects of all buckets, with those of destinations.
    pub(crate) async fn count_usage_with(&self, destinations: &[&str]) {
        let pair = |main| {
            DraftBucket::pair(
                draftstore_testing::bucket("main-draft"),
                draftstore_testing::bucket(main),
            )
        };
        let pair = |main| pair(main).expect("two buckets");
        let (draft, main) = pair("main");
        let mut buckets = Buckets::new(draft, main);
        buckets.destinations = destinations.iter().map(|name| pair(name).1).collect();
        let storage = draftstore_testing::connect(draftstore_testing::settings(&self.endpoint())).await;
        let store = Store::new(Arc::new(storage), buckets);
        let counter = UsageCounter::new(store, Slice::WHOLE, CountLimits::default(), Arc::new(SystemClock));
        match counter.count().await {
            // The server has counted meanwhile.
            Ok(Some(_)) | Err(CountError::Taken) => {}
            other => panic!("{other:?}"),
        }
    }

    /// Enables versioning and object lock of main in the embedded store.
    pub(crate) async fn lock_objects(&self) {
        self.keep_versions().await;
        draftstore_testing::lock_objects(&self.endpoint(), &"main".parse().expect("a name")).await;
    }

    /// Returns the ID of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Sends SIGTERM, and returns the exit status and the log.
    pub(crate) fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.stopped()
    }

    /// Returns the exit status and the log of a server that is already shutting down.
    pub(crate) fn stopped(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        let log = self.log.take().expect("not taken before").join().expect("a log");
        (status, log)
    }

    /// Stops the server, and returns its data for another one.
    pub(crate) fn stop_and_keep_data(mut self) -> TempDir {
        let data_dir = self.data_dir.take().expect("a server with data of its own");
        assert!(self.stop().0.success());
        data_dir
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the log. Sends the line `ready` to the channel, and returns the whole log at the end.
fn watch(child: &mut Child) -> (Receiver<Value>, JoinHandle<String>) {
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let (sender, ready) = channel();
    let log = spawn(move || {
        let mut sender = Some(sender);
        let mut log = String::new();
        for line in lines.map_while(Result::ok) {
            let parsed: Option<Value> = serde_json::from_str(&line).ok();
            if let Some(line) = parsed.filter(|line| line["http"].is_string())
                && let Some(sender) = sender.take()
            {
                // The test may have timed out.
                let _ = sender.send(line);
            }
            log.push_str(&line);
            log.push('\n');
        }
        log
    });
    (ready, log)
}
