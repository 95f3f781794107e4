//! The key pairs whose signatures are accepted, and the operations each may call.

use s3s::auth::SimpleAuth;

use crate::config::UploadOnly;
use crate::credentials::Credentials;

/// The operations of the upload-only pair. All of them bring bytes from outside, so copies are not included.
const UPLOAD_OPERATIONS: [&str; 7] = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "ListParts",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    POST_OBJECT,
];

/// The operation name of a form upload.
pub(crate) const POST_OBJECT: &str = "PostObject";

/// The key pairs that may sign requests.
#[derive(Debug)]
pub(crate) struct Keyring {
    owner: Credentials,
    upload_only: Option<UploadOnly>,
}

impl Keyring {
    pub(crate) fn new(owner: Credentials, upload_only: Option<UploadOnly>) -> Self {
        Self { owner, upload_only }
    }

    /// Returns the secrets in the form that `s3s` needs to verify signatures.
    pub(crate) fn auth(&self) -> SimpleAuth {
        let mut auth = SimpleAuth::new();
        for pair in self
            .upload_only
            .iter()
            .map(|upload_only| &upload_only.credentials)
            .chain([&self.owner])
        {
            auth.register(pair.access_key_id.clone(), pair.secret_access_key.clone().into());
        }
        auth
    }

    /// Returns the secret of an access key ID, or `None` if the ID is unknown.
    pub(crate) fn secret(&self, access_key_id: &str) -> Option<&str> {
        let pairs = [&self.owner]
            .into_iter()
            .chain(self.upload_only.iter().map(|upload_only| &upload_only.credentials));
        let mut known = pairs.filter(|pair| pair.access_key_id == access_key_id);
        known.next().map(|pair| pair.secret_access_key.as_str())
    }

    /// Returns true if a key may call an operation in a bucket.
    pub(crate) fn allows(&self, access_key_id: &str, operation: &str, bucket: Option<&str>) -> bool {
        if access_key_id == self.owner.access_key_id {
            return true;
        }
        let upload_only = self.upload_only.as_ref();
        let (Some(upload_only), Some(bucket)) = (
            upload_only.filter(|pair| pair.credentials.access_key_id == access_key_id),
            bucket,
        ) else {
            return false;
        };
        UPLOAD_OPERATIONS.contains(&operation) && upload_only.bucket == bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str) -> Credentials {
        Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: format!("secret of {id}"),
        }
    }

    #[test]
    fn upload_only_pair_may_only_upload_to_its_bucket() {
        let keyring = Keyring::new(
            pair("owner"),
            Some(UploadOnly {
                credentials: pair("signer"),
                bucket: "draft".to_owned(),
            }),
        );
        assert_eq!(keyring.secret("signer"), Some("secret of signer"));
        assert_eq!(
            (keyring.secret("owner"), keyring.secret("x")),
            (Some("secret of owner"), None)
        );
        let may = |operation, bucket| keyring.allows("signer", operation, bucket);
        for operation in UPLOAD_OPERATIONS {
            assert!(
                may(operation, Some("draft")) && !may(operation, Some("main")),
                "{operation}"
            );
        }
        for operation in [
            "GetObject",
            "CopyObject",
            "UploadPartCopy",
            "DeleteObject",
            "DeleteObjects",
            "ListObjectsV2",
            "PutBucketCors",
        ] {
            assert!(
                !may(operation, Some("draft")) && !may(operation, Some("main")),
                "{operation}"
            );
            assert!(keyring.allows("owner", operation, Some("main")));
        }
        assert!(!may("ListBuckets", None) && !keyring.allows("x", "GetObject", Some("draft")));
    }
}
