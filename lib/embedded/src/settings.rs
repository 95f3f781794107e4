//! The settings of the embedded store that come from the environment.

use std::path::PathBuf;

use draftstore_config::{parse, settings};

settings! {
    /// The settings of the embedded store that come from the environment.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EmbeddedSettings in "Embedded store" {
        /// The directory of the data.
        pub data_dir: PathBuf = "EMBEDDED_DATA_DIR", default "./data", parse::text;
        /// The port on loopback.
        pub port: u16 = "EMBEDDED_PORT", default "9000", parse::port;
    }
}
