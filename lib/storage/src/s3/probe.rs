//! What the store really enforces.

use super::S3Storage;
use crate::{BucketName, Capabilities, Error, ObjectKey};

pub(super) async fn probe(_: &S3Storage, _: &BucketName, _: &ObjectKey) -> Result<Capabilities, Error> {
    Ok(Capabilities::NONE)
}
