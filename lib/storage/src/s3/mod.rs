//! S3 and what speaks like it, by the AWS SDK. The one place that knows the SDK.
