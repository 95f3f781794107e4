//! Refuses what would otherwise be ignored without a word: encryption, tags, locks, public ACLs.

use http::HeaderMap;
use s3s::{S3Result, s3_error};

const REFUSED: [&str; 6] = [
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-tagging",
    "x-amz-object-lock-",
    "x-amz-grant-",
    "x-amz-write-offset-bytes",
];
/// Canned ACLs that say no more than what is true here: the owner, and nobody else.
const ACLS: [&[u8]; 3] = [b"private", b"bucket-owner-full-control", b"bucket-owner-read"];

/// # Errors
/// 501 naming the first header that asks for something this store does not do.
pub(super) fn refuse(headers: &HeaderMap) -> S3Result<()> {
    refuse_fields(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// [`refuse`] for names in lower case, whether they are headers' or those of a form's fields.
pub(super) fn refuse_fields<'f>(fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> S3Result<()> {
    for (name, value) in fields {
        let refused = REFUSED.iter().any(|prefix| name.starts_with(prefix))
            || name == "tagging"
            || (matches!(name, "acl" | "x-amz-acl") && !ACLS.contains(&value));
        // The directive by itself asks for nothing: with no tags, both of its values come to the same.
        if refused && name != "x-amz-tagging-directive" {
            return Err(s3_error!(NotImplemented, "This store does not support {name}."));
        }
    }
    Ok(())
}

/// There are no versions: only the one that is current, whose ID is `null`.
pub(super) fn refuse_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(_) => Err(s3_error!(NoSuchVersion, "The specified version does not exist.")),
    }
}
