//! Reading the policy file and the files that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::InvalidPolicy;
use super::file::{self, File};
use super::problems::Problems;
use draftstore_runtime::reload::{Fingerprint, Snapshot, read_file};

/// What all files said at one moment, undigested.
#[derive(Debug)]
pub struct Sources {
    pub(super) path: PathBuf,
    pub(super) file: File,
    others: BTreeMap<String, Content>,
}

/// A file's bytes, which may be a secret, or why there are none.
struct Content(Result<Vec<u8>, String>);

impl Content {
    /// Or why there are none.
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
    /// Reads all of them. Their paths are relative to the policy's directory.
    ///
    /// # Errors
    /// When the policy cannot be read, or is not written as one. A file that it names and that cannot be read is an
    /// error of what names it.
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

    /// What the file holds that is named at this place.
    pub(super) fn content(&self, place: &str, name: &str, problems: &mut Problems) -> Option<&[u8]> {
        let Content(content) = self.others.get(name)?;
        problems.take(place, content.as_deref())
    }
}

impl File {
    /// The other files that it names.
    fn names(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers.values().flat_map(|issuer| {
            let files = [&issuer.secret_file, &issuer.pem_file, &issuer.jwks_file];
            files.into_iter().filter_map(Option::as_deref)
        });
        self.keys.as_deref().into_iter().chain(issuers)
    }
}
