//! `RestoreObject`: makes an archived object readable for some days.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>

use s3s::dto::{RestoreObjectInput, RestoreObjectOutput};
use s3s::{S3Response, S3Result, s3_error};

use super::Backend;
use crate::clock::days_later;
use crate::index::{Restored, VersionSelector};

/// Starts a restore, or prolongs one that is done. It is done after the wait that the store is configured with.
pub(super) async fn restore(backend: &Backend, input: RestoreObjectInput) -> S3Result<S3Response<RestoreObjectOutput>> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let request = input.restore_request.unwrap_or_default();
    if request.type_.is_some() || request.select_parameters.is_some() || request.output_location.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "This store restores objects in place: send Days alone."
        ));
    }
    let days = request
        .days
        .and_then(|days| u32::try_from(days).ok())
        .filter(|days| *days > 0);
    let days = days.ok_or_else(|| s3_error!(MalformedXML, "Days must be a positive number."))?;
    let now_ms = backend.clock.now_ms();
    let from_ms = now_ms.saturating_add(i64::try_from(backend.restore_wait.as_millis()).unwrap_or(i64::MAX));
    let change = backend.update_object(input.bucket, input.key, wanted, move |_, object| {
        if !object.attributes.class.is_archive() {
            return Err(s3_error!(
                InvalidObjectState,
                "Restore is not allowed for the object's current storage class"
            ));
        }
        let earlier = object.restored.filter(|restored| now_ms < restored.until_ms);
        if earlier.is_some_and(|earlier| now_ms < earlier.from_ms) {
            return Err(s3_error!(
                RestoreAlreadyInProgress,
                "Object restore is already in progress"
            ));
        }
        let from_ms = earlier.map_or(from_ms, |earlier| earlier.from_ms);
        object.restored = Some(Restored {
            from_ms,
            until_ms: days_later(now_ms.max(from_ms), days),
        });
        Ok(earlier.is_some())
    });
    let was_restored = change.await?.value;
    let mut response = S3Response::new(RestoreObjectOutput::default());
    if !was_restored {
        response.extensions.insert(RestoreAccepted);
    }
    Ok(response)
}

/// Marks the response to a restore that has begun. `s3s` ignores the status of this operation, so the frontend sets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestoreAccepted;
