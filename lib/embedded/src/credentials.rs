//! Key pairs that sign requests, and the files that store generated ones.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "credentials.json";
/// The file of the upload-only pair.
const UPLOAD_ONLY_FILE_NAME: &str = "signer.json";
/// 256 bits, the strength of the HMAC-SHA256 that uses the secret as its key.
const SECRET_BYTES: usize = 32;
/// Random characters in an access key ID. With the prefix `DRFT` the ID is 20 characters long, like those of AWS.
const ACCESS_KEY_CHARACTERS: usize = 16;

/// An access key ID and its secret. The `Debug` output omits the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The public half, which appears in every signed URL.
    pub access_key_id: String,
    /// The secret half, which is never logged and never sent.
    pub secret_access_key: String,
}

impl Credentials {
    /// Loads the credentials from `data_dir`, or generates them at random and stores them there with mode 0600.
    ///
    /// Concurrent and repeated calls return the same pair.
    ///
    /// # Errors
    /// Returns an error if the directory or the file cannot be created or read, or if the file is not a credentials file.
    pub fn load_or_create(data_dir: &Path) -> io::Result<Self> {
        Self::load_or_create_in(data_dir, FILE_NAME)
    }

    /// Loads or generates the upload-only pair, which has a file of its own in `data_dir`.
    ///
    /// # Errors
    /// See [`Credentials::load_or_create`].
    pub fn load_or_create_upload_only(data_dir: &Path) -> io::Result<Self> {
        Self::load_or_create_in(data_dir, UPLOAD_ONLY_FILE_NAME)
    }

    fn load_or_create_in(data_dir: &Path, file_name: &str) -> io::Result<Self> {
        if let Some(loaded) = Self::load_from(data_dir, file_name)? {
            return Ok(loaded);
        }
        private_dir(data_dir)?;
        let created = Self::random();
        // A temporary file has mode 0600. It gets its final name only once it is complete and on disk.
        let mut file = tempfile::NamedTempFile::new_in(data_dir)?;
        serde_json::to_writer_pretty(&mut file, &created)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(data_dir.join(file_name)) {
            Ok(_) => {
                sync_dir(data_dir)?;
                Ok(created)
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Self::load_from(data_dir, file_name)?
                .ok_or_else(|| io::Error::other("the credentials file was removed while it was read: try again")),
            Err(error) => Err(error.error),
        }
    }

    /// Loads the credentials from `data_dir`, or returns `None` if there are none. Use it to call a store that another
    /// process runs.
    ///
    /// # Errors
    /// Returns an error if the file exists but cannot be read, or if it is not a credentials file.
    pub fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        Self::load_from(data_dir, FILE_NAME)
    }

    fn load_from(data_dir: &Path, file_name: &str) -> io::Result<Option<Self>> {
        let path = data_dir.join(file_name);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
                // The message of serde could quote part of the secret, so only the line number is reported.
                let place = format!(
                    "{} is not a credentials file (line {}): restore it, or delete it to generate new credentials",
                    path.display(),
                    error.line()
                );
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

/// Creates `dir` and its missing parents with mode 0700.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Returns options that create a file with mode 0600.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Syncs the directory, so that the names in it survive a crash.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_generated_once_and_stored_privately() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert_eq!(Credentials::load(&data).unwrap(), None);
        let created = Credentials::load_or_create(&data).unwrap();
        assert_eq!(Credentials::load_or_create(&data).unwrap(), created);
        assert_eq!(Credentials::load(&data).unwrap(), Some(created.clone()));
        let upload_only = Credentials::load_or_create_upload_only(&data).unwrap();
        assert_eq!(Credentials::load_or_create_upload_only(&data).unwrap(), upload_only);
        assert_ne!(upload_only, created);
        assert_eq!(
            URL_SAFE_NO_PAD.decode(&created.secret_access_key).unwrap().len(),
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
    fn debug_omits_the_secret() {
        let credentials = Credentials {
            access_key_id: "id".into(),
            secret_access_key: "hush".into(),
        };
        assert!(!format!("{credentials:?}").contains("hush"));
    }

    #[test]
    fn error_for_a_damaged_file_does_not_quote_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join(FILE_NAME),
            br#"{"access_key_id":"a","secret_access_key":12345}"#,
        )
        .unwrap();
        let error = Credentials::load_or_create(dir.path()).unwrap_err();
        assert!(!error.to_string().contains("12345"), "{error}");
    }
}
