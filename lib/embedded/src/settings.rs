//! The settings of the embedded store that come from the environment.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use draftstore_config::{parse, settings};

settings! {
    /// The settings of the embedded store that come from the environment.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EmbeddedSettings in "Embedded store" {
        /// The directory of the data.
        pub data_dir: PathBuf = "EMBEDDED_DATA_DIR", default "./data", parse::text;
        /// The IP address of the store. Beyond loopback, phones, emulators and containers can reach it, by plain HTTP.
        pub address: IpAddr = "EMBEDDED_BIND_ADDRESS", default "127.0.0.1", str::parse;
        /// The port of the store.
        pub port: u16 = "EMBEDDED_PORT", default "9000", parse::port;
        /// The seconds until an object that is restored from an archive can be read.
        pub restore_wait: Duration = "EMBEDDED_RESTORE_WAIT", default "0", parse::seconds;
    }
}
