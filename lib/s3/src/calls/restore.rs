//! `RestoreObject`, and the header that reports a restore.

use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, Tier};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use draftstore_storage::{Error, Operation, RestoreArchived, RestoreStatus, RestoreTier};

use crate::S3Storage;
use crate::error::Call;
use crate::listing::time;

pub(crate) async fn restore_archived(s3: &S3Storage, restore: &RestoreArchived<'_>) -> Result<(), Error> {
    let call = Call::on_key(Operation::RestoreObject, restore.bucket.name(), restore.key);
    let mut wanted = RestoreRequest::builder().days(restore.days.into());
    if let Some(tier) = restore.tier {
        let tier = match tier {
            RestoreTier::Standard => Tier::Standard,
            RestoreTier::Bulk => Tier::Bulk,
        };
        let parameters = GlacierJobParameters::builder().tier(tier).build();
        wanted = wanted.glacier_job_parameters(parameters.map_err(|error| call.unexpected(error.to_string()))?);
    }
    let request = s3
        .client
        .restore_object()
        .bucket(restore.bucket.name().as_str())
        .key(restore.key.as_str())
        .set_version_id(restore.version.map(ToString::to_string))
        .restore_request(wanted.build());
    let restored = request.send().await;
    restored.map(|_| ()).map_err(|error| match restore.version {
        Some(_) => call.failed_on_version(&error),
        None => call.failed(&error),
    })
}

/// Parses `x-amz-restore`, such as `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`.
pub(crate) fn restore_status(call: Call<'_>, header: Option<&str>) -> Result<Option<RestoreStatus>, Error> {
    let Some(header) = header else {
        return Ok(None);
    };
    if header.contains("ongoing-request=\"true\"") {
        return Ok(Some(RestoreStatus::InProgress));
    }
    let date = header
        .split("expiry-date=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
    time(call, date.as_ref()).map(|until| Some(RestoreStatus::Restored(until)))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::{BucketName, ErrorKind};

    use super::*;

    #[test]
    fn header_of_a_restore_is_parsed() {
        let bucket: BucketName = "main".parse().expect("valid");
        let status = |header| restore_status(Call::on_bucket(Operation::HeadObject, &bucket), header);
        assert_eq!(status(None).expect("none"), None);
        let running = status(Some("ongoing-request=\"true\"")).expect("valid");
        assert_eq!(running, Some(RestoreStatus::InProgress));
        let done = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
        let until = UNIX_EPOCH + Duration::from_secs(1_356_048_000);
        assert_eq!(status(Some(done)).expect("valid"), Some(RestoreStatus::Restored(until)));
        for other in [
            "",
            "ongoing-request=\"false\"",
            "ongoing-request=\"false\", expiry-date=\"soon\"",
        ] {
            assert_eq!(status(Some(other)).expect_err(other).kind, ErrorKind::Unexpected);
        }
    }
}
