//! Whose signatures are taken, and what each may do.

use s3s::auth::SimpleAuth;

use crate::credentials::Credentials;
use crate::settings::Limited;

/// What the limited pair may do, which brings objects from outside: copies are not among it. The last are forms.
const UPLOADS: [&str; 7] = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "ListParts",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    POST_OBJECT,
];

/// An upload by a form.
pub(crate) const POST_OBJECT: &str = "PostObject";

/// The pairs of keys that sign.
#[derive(Debug)]
pub(crate) struct Keyring {
    owner: Credentials,
    limited: Option<Limited>,
}

impl Keyring {
    pub(crate) fn new(owner: Credentials, limited: Option<Limited>) -> Self {
        Self { owner, limited }
    }

    /// For `s3s`, which verifies signatures.
    pub(crate) fn auth(&self) -> SimpleAuth {
        let mut auth = SimpleAuth::new();
        for pair in self
            .limited
            .iter()
            .map(|limited| &limited.credentials)
            .chain([&self.owner])
        {
            auth.register(pair.access_key_id.clone(), pair.secret_access_key.clone().into());
        }
        auth
    }

    /// The secret of a key.
    pub(crate) fn secret(&self, access_key_id: &str) -> Option<&str> {
        let pairs = [&self.owner]
            .into_iter()
            .chain(self.limited.iter().map(|limited| &limited.credentials));
        let mut known = pairs.filter(|pair| pair.access_key_id == access_key_id);
        known.next().map(|pair| pair.secret_access_key.as_str())
    }

    /// Whether the holder of a key may do this in a bucket.
    pub(crate) fn allows(&self, access_key_id: &str, operation: &str, bucket: Option<&str>) -> bool {
        if access_key_id == self.owner.access_key_id {
            return true;
        }
        let limited = self.limited.as_ref();
        let (Some(limited), Some(bucket)) = (
            limited.filter(|one| one.credentials.access_key_id == access_key_id),
            bucket,
        ) else {
            return false;
        };
        UPLOADS.contains(&operation) && limited.bucket == bucket
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
    fn limited_pair_uploads_where_it_may_and_nothing_else() {
        let keyring = Keyring::new(
            pair("owner"),
            Some(Limited {
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
        for operation in UPLOADS {
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
