//! Reads the policy file, and the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::InvalidPolicy;
use super::file::{self, File};
use super::problems::Problems;
use draftstore_runtime::reload::{Fingerprint, Snapshot, read_file};

/// The contents of all files at one moment, not yet validated.
#[derive(Debug)]
pub struct Sources {
    pub(super) path: PathBuf,
    pub(super) file: File,
    others: BTreeMap<String, Content>,
}

/// The bytes of a file, which may be secret, or the reason why it cannot be read.
struct Content(Result<Vec<u8>, String>);

impl Content {
    /// Returns the bytes, or the text of the error.
    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Ok(bytes) => bytes,
            Err(error) => error.as_bytes(),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content")
    }
}

impl Sources {
    /// Reads all files. Paths in the policy are relative to its directory.
    ///
    /// # Errors
    /// If the policy cannot be read or parsed. A file that it names and that cannot be read is an error of the field
    /// that names it.
    pub(crate) fn read(path: &Path) -> Result<Snapshot<Self>, InvalidPolicy> {
        let invalid = |problem| InvalidPolicy::new(path, vec![problem]);
        let text = read_file(path).map_err(invalid)?;
        let file: File = file::read(&text).map_err(invalid)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let read = |name: &str| (name.to_owned(), Content(read_file(&directory.join(name))));
        let others: BTreeMap<_, _> = file.names().map(read).collect();
        let parts = others
            .iter()
            .flat_map(|(name, content)| [name.as_bytes(), content.bytes()]);
        let fingerprint = Fingerprint::of([text.as_slice()].into_iter().chain(parts));
        let contents = Self {
            path: path.to_owned(),
            file,
            others,
        };
        Ok(Snapshot { contents, fingerprint })
    }

    /// Returns the contents of the file that a field names, or records an error.
    pub(super) fn content(&self, place: &str, name: &str, problems: &mut Problems) -> Option<&[u8]> {
        let Content(content) = self.others.get(name)?;
        problems.take(place, content.as_deref())
    }
}

impl File {
    /// Returns the names of the other files.
    fn names(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers.values().flat_map(|issuer| {
            let files = [&issuer.secret_file, &issuer.pem_file, &issuer.jwks_file];
            files.into_iter().filter_map(Option::as_deref)
        });
        let webhooks = self
            .webhooks
            .iter()
            .filter_map(|webhook| webhook.secrets_file.as_deref());
        let checks = self.profiles.values().filter_map(|profile| profile.checks.as_ref());
        let scanners = checks.filter_map(|checks| checks.webhook.as_ref()).flat_map(|check| {
            check
                .scanners
                .iter()
                .filter_map(|scanner| scanner.secrets_file.as_deref())
        });
        let keys = self.keys.as_deref().into_iter();
        keys.chain(issuers).chain(webhooks).chain(scanners)
    }
}
