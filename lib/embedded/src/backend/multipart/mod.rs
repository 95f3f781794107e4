//! Multipart uploads, one file per action.

mod abort;
mod complete;
mod create;
mod list_parts;
mod list_uploads;
mod upload;
mod upload_copy;

pub(super) use abort::abort;
pub(super) use complete::complete;
pub(super) use create::create;
pub(super) use list_parts::list_parts;
pub(super) use list_uploads::list_uploads;
pub(super) use upload::upload;
pub(super) use upload_copy::upload_copy;

use s3s::{S3Result, s3_error};

/// The maximum part number. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MAX_PART_NUMBER: u32 = 10_000;
/// The minimum size of every part but the last, in bytes.
const MIN_PART: u64 = 5 * 1024 * 1024;
/// The maximum size of an object, in bytes: 50 TB in S3's binary units.
const MAX_OBJECT: u64 = 50 * 1024 * 1024 * 1024 * 1024;

fn part_number(number: i32) -> S3Result<u32> {
    let number = u32::try_from(number)
        .ok()
        .filter(|number| (1..=MAX_PART_NUMBER).contains(number));
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    number.ok_or_else(|| s3_error!(InvalidArgument, "{message}"))
}
