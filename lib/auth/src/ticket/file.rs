//! The source of ticket keys, which are reloaded when their file changes.

use std::path::PathBuf;

use super::TicketKeys;
use draftstore_runtime::reload::{Fingerprint, Snapshot, Source, read_file};

/// The file of the ticket keys.
#[derive(Debug)]
pub struct TicketKeysFile {
    path: PathBuf,
}

/// The error of an invalid file of ticket keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTicketKeys(String);

impl TicketKeysFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Source for TicketKeysFile {
    type Contents = Vec<u8>;
    type Value = TicketKeys;
    type Error = InvalidTicketKeys;

    const NAME: &'static str = "ticket keys";

    fn read(&self) -> Result<Snapshot<Vec<u8>>, InvalidTicketKeys> {
        let contents = read_file(&self.path).map_err(InvalidTicketKeys)?;
        let fingerprint = Fingerprint::of([contents.as_slice()]);
        Ok(Snapshot { contents, fingerprint })
    }

    async fn make(&self, contents: Vec<u8>) -> Result<TicketKeys, InvalidTicketKeys> {
        let text = String::from_utf8(contents).map_err(|_| "must be UTF-8".to_owned());
        let keys = text.and_then(|text| TicketKeys::parse(&text));
        keys.map_err(|reason| self.broken(format!("invalid ticket keys in {}: {reason}", self.path.display())))
    }

    fn broken(&self, sentence: String) -> InvalidTicketKeys {
        InvalidTicketKeys(sentence)
    }
}
