//! Reads of properties that every bucket and object here has in the same way: no policy, and one owner.

use s3s::dto::{
    GetBucketAclInput, GetBucketAclOutput, GetBucketPolicyInput, GetBucketTaggingInput, GetObjectAclInput,
    GetObjectAclOutput, Grant, Grantee, Permission, Type,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::{Backend, OWNER, owner};
use crate::index::VersionSelector;

pub(super) async fn bucket_acl(backend: &Backend, input: GetBucketAclInput) -> S3Result<GetBucketAclOutput> {
    backend.require_bucket(input.bucket).await?;
    Ok(GetBucketAclOutput {
        grants: Some(vec![full_control()]),
        owner: Some(owner()),
    })
}

/// Returns the error to answer with: no bucket has a policy.
pub(super) async fn policy(backend: &Backend, input: GetBucketPolicyInput) -> S3Result<S3Error> {
    backend.require_bucket(input.bucket).await?;
    Ok(s3_error!(NoSuchBucketPolicy, "The bucket policy does not exist"))
}

/// Returns the error to answer with: no bucket has tags.
pub(super) async fn bucket_tagging(backend: &Backend, input: GetBucketTaggingInput) -> S3Result<S3Error> {
    backend.require_bucket(input.bucket).await?;
    let code = S3ErrorCode::Custom("NoSuchTagSet".into());
    let mut error = S3Error::with_message(code, "The TagSet does not exist");
    error.set_status_code(http::StatusCode::NOT_FOUND);
    Ok(error)
}

pub(super) async fn object_acl(backend: &Backend, input: GetObjectAclInput) -> S3Result<GetObjectAclOutput> {
    let version = VersionSelector::parse(input.version_id.as_deref())?;
    backend.object(input.bucket, input.key, version).await?;
    Ok(GetObjectAclOutput {
        grants: Some(vec![full_control()]),
        owner: Some(owner()),
        ..GetObjectAclOutput::default()
    })
}

fn full_control() -> Grant {
    Grant {
        grantee: Some(Grantee {
            display_name: Some(OWNER.into()),
            email_address: None,
            id: Some(OWNER.into()),
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }
}

impl Backend {
    /// # Errors
    /// Returns `NoSuchBucket`.
    async fn require_bucket(&self, bucket: String) -> S3Result<()> {
        self.read(move |snapshot| snapshot.bucket(&bucket)).await.map(drop)
    }
}
