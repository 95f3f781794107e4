//! The operations of a store.

use std::fmt;

use crate::closed_set;

closed_set! {
    /// The operations of a store, by their names in S3.
    pub enum Operation {
        /// Checks that a bucket exists.
        HeadBucket = "HeadBucket",
        /// Creates an empty bucket.
        CreateBucket = "CreateBucket",
        /// Replaces a bucket's CORS rules.
        PutBucketCors = "PutBucketCors",
        /// Reads a bucket's lifecycle rules.
        GetBucketLifecycleConfiguration = "GetBucketLifecycleConfiguration",
        /// Replaces a bucket's lifecycle rules.
        PutBucketLifecycleConfiguration = "PutBucketLifecycleConfiguration",
        /// Reads if a bucket has versioning.
        GetBucketVersioning = "GetBucketVersioning",
        /// Reads if a bucket has object lock.
        GetObjectLockConfiguration = "GetObjectLockConfiguration",
        /// Sets or releases the legal hold of an object's version.
        PutObjectLegalHold = "PutObjectLegalHold",
        /// Reads an object's metadata.
        HeadObject = "HeadObject",
        /// Reads an object's tags.
        GetObjectTagging = "GetObjectTagging",
        /// Makes an archived object readable for some days.
        RestoreObject = "RestoreObject",
        /// Downloads an object's bytes.
        GetObject = "GetObject",
        /// Uploads an object in one request.
        PutObject = "PutObject",
        /// Copies an object inside the store.
        CopyObject = "CopyObject",
        /// Deletes a single object.
        DeleteObject = "DeleteObject",
        /// Deletes many objects in one request.
        DeleteObjects = "DeleteObjects",
        /// Lists a page of objects.
        ListObjectsV2 = "ListObjectsV2",
        /// Lists a page of the versions of objects.
        ListObjectVersions = "ListObjectVersions",
        /// Begins a multipart upload.
        CreateMultipartUpload = "CreateMultipartUpload",
        /// Uploads one part of a multipart upload.
        UploadPart = "UploadPart",
        /// Copies a range of an object into a part.
        UploadPartCopy = "UploadPartCopy",
        /// Lists a page of an upload's parts.
        ListParts = "ListParts",
        /// Joins the uploaded parts into an object.
        CompleteMultipartUpload = "CompleteMultipartUpload",
        /// Aborts a multipart upload and frees its parts.
        AbortMultipartUpload = "AbortMultipartUpload",
        /// Lists a page of multipart uploads in progress.
        ListMultipartUploads = "ListMultipartUploads",
        /// Signs a request, without a call.
        Presign = "Presign",
        /// Any operation not listed here.
        Other = "other",
    }
}

impl Operation {
    /// Returns the operation with this name, or [`Operation::Other`].
    pub fn of_name(name: &str) -> Self {
        let known = Self::ALL.iter().find(|operation| operation.as_str() == name);
        known.copied().unwrap_or(Self::Other)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_variants() {
        for (place, operation) in Operation::ALL.iter().enumerate() {
            let name = operation.as_str();
            assert_eq!((*operation as usize, name), (place, Operation::NAMES[place]));
            assert_eq!(Operation::of_name(name), *operation);
        }
        assert_eq!(Operation::of_name("PutObjectAcl"), Operation::Other);
    }
}
