//! The key pair that signs requests, and the file that keeps a generated one.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "credentials.json";
/// Beside it: the pair that may do less.
const LIMITED_FILE_NAME: &str = "signer.json";
/// 256 bits, as strong as the HMAC-SHA256 that the secret keys.
const SECRET_BYTES: usize = 32;
/// AWS's own access key IDs have 20 characters.
const ACCESS_KEY_CHARACTERS: usize = 16;

/// An access key ID and its secret. `Debug` shows the ID alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Public half: it appears in every signed URL.
    pub access_key_id: String,
    /// Secret half: never logged, never sent.
    pub secret_access_key: String,
}

impl Credentials {
    /// The credentials kept in `data_dir`, made at random and kept there (mode 0600) where there are none.
    ///
    /// Idempotent: whoever asks again, or at the same moment, gets the same pair.
    ///
    /// # Errors
    /// When the directory or the file cannot be made or read, or the file is not ours.
    pub fn kept_or_new(data_dir: &Path) -> io::Result<Self> {
        Self::kept_or_new_in(data_dir, FILE_NAME)
    }

    /// The same of a second pair, which is kept beside the first.
    ///
    /// # Errors
    /// See [`Credentials::kept_or_new`].
    pub fn limited_kept_or_new(data_dir: &Path) -> io::Result<Self> {
        Self::kept_or_new_in(data_dir, LIMITED_FILE_NAME)
    }

    fn kept_or_new_in(data_dir: &Path, file_name: &str) -> io::Result<Self> {
        if let Some(kept) = Self::kept_in(data_dir, file_name)? {
            return Ok(kept);
        }
        private_dir(data_dir)?;
        let made = Self::random();
        // A temporary file is made with mode 0600; it gets its name only when whole and on disk.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer_pretty(&mut file, &made)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(data_dir.join(file_name)) {
            Ok(_) => {
                sync_dir(data_dir)?;
                Ok(made)
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Self::kept_in(data_dir, file_name)?
                .ok_or_else(|| io::Error::other("the credentials file vanished while it was read")),
            Err(error) => Err(error.error),
        }
    }

    /// The credentials kept in `data_dir`, if any; for another process that calls the running store.
    ///
    /// # Errors
    /// When the file is there and cannot be read or is not ours.
    pub fn kept(data_dir: &Path) -> io::Result<Option<Self>> {
        Self::kept_in(data_dir, FILE_NAME)
    }

    fn kept_in(data_dir: &Path, file_name: &str) -> io::Result<Option<Self>> {
        let path = data_dir.join(file_name);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
                // serde's message could quote a piece of the secret: only the place is said.
                let place = format!("{} is not a credentials file (line {})", path.display(), error.line());
                io::Error::new(io::ErrorKind::InvalidData, place)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io::Error::new(
                error.kind(),
                format!("cannot read {}: {error}", path.display()),
            )),
        }
    }

    fn random() -> Self {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let id: [u8; ACCESS_KEY_CHARACTERS] = rand::random();
        let id: String = id
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
            .collect();
        let secret: [u8; SECRET_BYTES] = rand::random();
        Self {
            access_key_id: format!("DRFT{id}"),
            secret_access_key: URL_SAFE_NO_PAD.encode(secret),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Makes `dir` and its parents where missing; only the owner may enter a directory made here.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Puts the names in `dir` on disk.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert_eq!(Credentials::kept(&data).unwrap(), None);
        let made = Credentials::kept_or_new(&data).unwrap();
        assert_eq!(Credentials::kept_or_new(&data).unwrap(), made);
        assert_eq!(Credentials::kept(&data).unwrap(), Some(made.clone()));
        let limited = Credentials::limited_kept_or_new(&data).unwrap();
        assert_eq!(Credentials::limited_kept_or_new(&data).unwrap(), limited);
        assert_ne!(limited, made);
        assert_eq!(
            URL_SAFE_NO_PAD.decode(&made.secret_access_key).unwrap().len(),
            SECRET_BYTES
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let bits = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(bits(&data), 0o700);
            assert_eq!(bits(&data.join(FILE_NAME)), 0o600);
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let credentials = Credentials {
            access_key_id: "id".into(),
            secret_access_key: "hush".into(),
        };
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_does_not_quote_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(FILE_NAME),
            br#"{"access_key_id":"a","secret_access_key":12345}"#,
        )
        .unwrap();
        let error = Credentials::kept_or_new(dir.path()).unwrap_err();
        assert!(!error.to_string().contains("12345"), "{error}");
    }
}
