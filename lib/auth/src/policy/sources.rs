//! Reading the policy file and the files that it names.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::InvalidPolicy;
use super::file::{self, File};
use super::problems::Problems;

/// The longest file that is read: a policy of some ten thousand callers.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What all files said at one moment, undigested.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(super) path: PathBuf,
    pub(super) file: File,
    others: BTreeMap<String, Content>,
    /// Of all of it, so that secrets need not be kept to see a change.
    pub(crate) fingerprint: [u8; 32],
}

/// A file's bytes, which may be a secret, or why there are none.
struct Content(Result<Vec<u8>, String>);

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
    pub(crate) fn read(path: &Path) -> Result<Self, InvalidPolicy> {
        let invalid = |problem| InvalidPolicy::new(path, vec![problem]);
        let text = content(path).map_err(invalid)?;
        let file: File = file::read(&text).map_err(invalid)?;
        let mut hash = Sha256::new_with_prefix(Sha256::digest(&text));
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut others = BTreeMap::new();
        for name in file.names() {
            let content = content(&directory.join(name));
            hash.update(Sha256::digest(name));
            hash.update(match &content {
                Ok(bytes) => Sha256::digest(bytes),
                Err(error) => Sha256::digest(error),
            });
            others.insert(name.to_owned(), Content(content));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            others,
            fingerprint: hash.finalize().into(),
        })
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

fn content(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_FILE_BYTES) {
        Ok(bytes)
    } else {
        Err(format!("{} is longer than {MAX_FILE_BYTES} bytes", path.display()))
    }
}
