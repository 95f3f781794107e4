//! Object lock: the configuration of a bucket, and the retention and legal hold of a version.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>

use s3s::dto::{
    DefaultRetention, GetObjectLegalHoldInput, GetObjectLegalHoldOutput, GetObjectLockConfigurationInput,
    GetObjectLockConfigurationOutput, GetObjectRetentionInput, GetObjectRetentionOutput, ObjectLockConfiguration,
    ObjectLockEnabled, ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode, ObjectLockRule, PutObjectLegalHoldInput, PutObjectLegalHoldOutput,
    PutObjectLockConfigurationInput, PutObjectLockConfigurationOutput, PutObjectRetentionInput,
    PutObjectRetentionOutput, Timestamp,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::Backend;
use crate::clock::{self, DAY_MS};
use crate::index::{
    BucketRecord, LockConfig, ObjectLock, Retention, RetentionMode, RetentionPeriod, RetentionRule, VersionSelector,
    Versioning, object_locked,
};

/// The longest default retention, in days: a hundred years, as in S3.
const MAX_DAYS: i32 = 36_500;
const MAX_YEARS: i32 = 100;

pub(super) async fn put_config(
    backend: &Backend,
    input: PutObjectLockConfigurationInput,
) -> S3Result<PutObjectLockConfigurationOutput> {
    let wanted = input.object_lock_configuration.unwrap_or_default();
    if wanted.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str) != Some(ObjectLockEnabled::ENABLED) {
        return Err(s3_error!(MalformedXML, "ObjectLockEnabled must be Enabled."));
    }
    let default_retention = wanted
        .rule
        .map(|rule| default_retention(rule.default_retention))
        .transpose()?;
    let put = backend.update_bucket(input.bucket, move |bucket| {
        if bucket.versioning != Versioning::Enabled {
            return Err(s3_error!(
                InvalidBucketState,
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            ));
        }
        bucket.lock = Some(LockConfig { default_retention });
        Ok(())
    });
    put.await?;
    Ok(PutObjectLockConfigurationOutput::default())
}

pub(super) async fn get_config(
    backend: &Backend,
    input: GetObjectLockConfigurationInput,
) -> S3Result<GetObjectLockConfigurationOutput> {
    let bucket = backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    let config = bucket.lock.ok_or_else(|| {
        s3_error!(
            ObjectLockConfigurationNotFoundError,
            "Object Lock configuration does not exist for this bucket"
        )
    })?;
    let rule = config.default_retention.map(|RetentionRule { mode, period }| {
        let (days, years) = match period {
            RetentionPeriod::Days(days) => (Some(days), None),
            RetentionPeriod::Years(years) => (None, Some(years)),
        };
        ObjectLockRule {
            default_retention: Some(DefaultRetention {
                days: days.and_then(|days| i32::try_from(days).ok()),
                mode: Some(ObjectLockRetentionMode::from_static(mode_name(mode))),
                years: years.and_then(|years| i32::try_from(years).ok()),
            }),
        }
    });
    Ok(GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
            rule,
        }),
    })
}

/// Sets or removes a retention. A retention in force may only grow, unless governance is bypassed.
pub(super) async fn put_retention(
    backend: &Backend,
    input: PutObjectRetentionInput,
) -> S3Result<PutObjectRetentionOutput> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let given = input.retention.unwrap_or_default();
    let now_ms = backend.clock.now_ms();
    let retention = match (given.mode, given.retain_until_date) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(retention(mode.as_str(), &until, now_ms)?),
        _ => return Err(malformed()),
    };
    let bypass = input.bypass_governance_retention == Some(true);
    let change = backend.update_object(input.bucket, input.key, wanted, move |bucket, object| {
        require_lock(bucket)?;
        let lock = &mut object.attributes.lock;
        lock.check_retention_change(retention, now_ms, bypass)?;
        lock.retention = retention;
        Ok(())
    });
    change.await?;
    Ok(PutObjectRetentionOutput::default())
}

pub(super) async fn get_retention(
    backend: &Backend,
    input: GetObjectRetentionInput,
) -> S3Result<GetObjectRetentionOutput> {
    let lock = read_lock(backend, input.bucket, input.key, input.version_id).await?;
    let Retention { mode, until_ms } = lock.retention.ok_or_else(no_lock)?;
    Ok(GetObjectRetentionOutput {
        retention: Some(ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::from_static(mode_name(mode))),
            retain_until_date: Some(clock::timestamp(until_ms)),
        }),
    })
}

pub(super) async fn put_legal_hold(
    backend: &Backend,
    input: PutObjectLegalHoldInput,
) -> S3Result<PutObjectLegalHoldOutput> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let status = input.legal_hold.and_then(|hold| hold.status);
    let hold = legal_hold(status.as_ref().ok_or_else(malformed)?).map_err(|_| malformed())?;
    let change = backend.update_object(input.bucket, input.key, wanted, move |bucket, object| {
        require_lock(bucket)?;
        object.attributes.lock.legal_hold = Some(hold);
        Ok(())
    });
    change.await?;
    Ok(PutObjectLegalHoldOutput::default())
}

pub(super) async fn get_legal_hold(
    backend: &Backend,
    input: GetObjectLegalHoldInput,
) -> S3Result<GetObjectLegalHoldOutput> {
    let lock = read_lock(backend, input.bucket, input.key, input.version_id).await?;
    let hold = lock.legal_hold.ok_or_else(no_lock)?;
    Ok(GetObjectLegalHoldOutput {
        legal_hold: Some(ObjectLockLegalHold {
            status: Some(hold_status(hold)),
        }),
    })
}

async fn read_lock(backend: &Backend, bucket: String, key: String, version: Option<String>) -> S3Result<ObjectLock> {
    let wanted = VersionSelector::parse(version.as_deref())?;
    let of = bucket.clone();
    let found = backend.object(bucket, key, wanted).await?;
    let record = backend.read(move |snapshot| snapshot.bucket(&of)).await?;
    require_lock(&record)?;
    Ok(found.object.attributes.lock)
}

/// The headers of a write that lock what it stores.
#[derive(Debug, Default)]
pub(super) struct LockHeaders {
    pub(super) mode: Option<ObjectLockMode>,
    pub(super) until: Option<Timestamp>,
    pub(super) legal_hold: Option<ObjectLockLegalHoldStatus>,
}

impl LockHeaders {
    /// # Errors
    /// Returns `InvalidArgument` for values that are not valid, and for half a retention.
    pub(super) fn into_lock(self, now_ms: i64) -> S3Result<ObjectLock> {
        let retention = match (self.mode, self.until) {
            (None, None) => None,
            (Some(mode), Some(until)) => {
                let unknown = |_| s3_error!(InvalidArgument, "Unknown wormMode directive.");
                parse_mode(mode.as_str()).map_err(unknown)?;
                Some(retention(mode.as_str(), &until, now_ms)?)
            }
            _ => {
                return Err(s3_error!(
                    InvalidArgument,
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
                ));
            }
        };
        Ok(ObjectLock {
            retention,
            legal_hold: self.legal_hold.as_ref().map(legal_hold).transpose()?,
        })
    }
}

impl ObjectLock {
    /// The values that a GET returns: mode, end and legal hold.
    pub(super) fn headers(
        self,
    ) -> (
        Option<ObjectLockMode>,
        Option<Timestamp>,
        Option<ObjectLockLegalHoldStatus>,
    ) {
        (
            self.retention
                .map(|retention| ObjectLockMode::from_static(mode_name(retention.mode))),
            self.retention.map(|retention| clock::timestamp(retention.until_ms)),
            self.legal_hold.map(hold_status),
        )
    }

    /// # Errors
    /// Returns 403 if a retention in force would be shortened or get another mode.
    fn check_retention_change(self, new: Option<Retention>, now_ms: i64, bypass: bool) -> S3Result<()> {
        let Some(old) = self.retention.filter(|old| old.until_ms > now_ms) else {
            return Ok(());
        };
        let grows = new.is_some_and(|new| new.until_ms >= old.until_ms && new.mode == old.mode);
        if grows || (bypass && old.mode == RetentionMode::Governance) {
            Ok(())
        } else {
            Err(object_locked())
        }
    }
}

impl BucketRecord {
    /// Returns the locks of a new object: those of its headers, or the default retention of the bucket.
    ///
    /// # Errors
    /// Returns `InvalidRequest` for a lock in a bucket without object lock.
    pub(super) fn lock_new(&self, lock: ObjectLock, now_ms: i64) -> S3Result<ObjectLock> {
        if lock != ObjectLock::default() {
            require_lock(self)?;
        }
        let default = self.lock.as_ref().and_then(|config| config.default_retention.as_ref());
        Ok(ObjectLock {
            retention: lock.retention.or_else(|| Some(default?.starting_at(now_ms))),
            ..lock
        })
    }
}

impl RetentionRule {
    fn starting_at(&self, now_ms: i64) -> Retention {
        let days = match self.period {
            RetentionPeriod::Days(days) => days,
            RetentionPeriod::Years(years) => years.saturating_mul(365),
        };
        Retention {
            mode: self.mode,
            until_ms: now_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS)),
        }
    }
}

/// # Errors
/// Returns `InvalidRequest` if the bucket has no object lock.
fn require_lock(bucket: &BucketRecord) -> S3Result<()> {
    if bucket.lock.is_some() {
        Ok(())
    } else {
        Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"))
    }
}

fn default_retention(given: Option<DefaultRetention>) -> S3Result<RetentionRule> {
    let DefaultRetention { days, mode, years } = given.ok_or_else(malformed)?;
    let mode = parse_mode(mode.ok_or_else(malformed)?.as_str())?;
    let (number, max, period): (_, _, fn(u32) -> RetentionPeriod) = match (days, years) {
        (Some(days), None) => (days, MAX_DAYS, RetentionPeriod::Days),
        (None, Some(years)) => (years, MAX_YEARS, RetentionPeriod::Years),
        _ => return Err(malformed()),
    };
    let number = u32::try_from(number).ok().filter(|_| (1..=max).contains(&number));
    let period = number.map(period).ok_or_else(|| {
        let code = S3ErrorCode::Custom("InvalidRetentionPeriod".into());
        let mut error = S3Error::with_message(code, "Default retention period must be a positive integer value.");
        error.set_status_code(http::StatusCode::BAD_REQUEST);
        error
    })?;
    Ok(RetentionRule { mode, period })
}

/// # Errors
/// Returns `MalformedXML` for an unknown mode, and `InvalidArgument` for a date in the past.
fn retention(mode: &str, until: &Timestamp, now_ms: i64) -> S3Result<Retention> {
    let mode = parse_mode(mode)?;
    let until_ms = clock::timestamp_seconds(until) * 1000;
    if until_ms <= now_ms {
        return Err(s3_error!(
            InvalidArgument,
            "The retain until date must be in the future!"
        ));
    }
    Ok(Retention { mode, until_ms })
}

fn parse_mode(mode: &str) -> S3Result<RetentionMode> {
    match mode {
        ObjectLockMode::GOVERNANCE => Ok(RetentionMode::Governance),
        ObjectLockMode::COMPLIANCE => Ok(RetentionMode::Compliance),
        _ => Err(malformed()),
    }
}

fn mode_name(mode: RetentionMode) -> &'static str {
    match mode {
        RetentionMode::Governance => ObjectLockMode::GOVERNANCE,
        RetentionMode::Compliance => ObjectLockMode::COMPLIANCE,
    }
}

/// # Errors
/// Returns `InvalidArgument` for anything but ON and OFF.
fn legal_hold(status: &ObjectLockLegalHoldStatus) -> S3Result<bool> {
    match status.as_str() {
        ObjectLockLegalHoldStatus::ON => Ok(true),
        ObjectLockLegalHoldStatus::OFF => Ok(false),
        _ => Err(s3_error!(InvalidArgument, "Legal Hold must be either of 'ON' or 'OFF'")),
    }
}

fn hold_status(hold: bool) -> ObjectLockLegalHoldStatus {
    ObjectLockLegalHoldStatus::from_static(if hold {
        ObjectLockLegalHoldStatus::ON
    } else {
        ObjectLockLegalHoldStatus::OFF
    })
}

fn malformed() -> S3Error {
    s3_error!(
        MalformedXML,
        "The XML you provided was not well-formed or did not validate against our published schema"
    )
}

fn no_lock() -> S3Error {
    s3_error!(
        NoSuchObjectLockConfiguration,
        "The specified object does not have a ObjectLock configuration"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(mode: RetentionMode, until_ms: i64) -> ObjectLock {
        ObjectLock {
            retention: Some(Retention { mode, until_ms }),
            legal_hold: None,
        }
    }

    #[test]
    fn retention_in_force_only_grows() {
        use RetentionMode::{Compliance, Governance};
        let change =
            |old: ObjectLock, new: ObjectLock, bypass| old.check_retention_change(new.retention, 100, bypass).is_ok();
        assert!(change(lock(Governance, 200), lock(Governance, 300), false));
        assert!(!change(lock(Governance, 200), lock(Compliance, 200), false));
        assert!(change(lock(Governance, 200), lock(Compliance, 200), true));
        assert!(!change(lock(Governance, 200), lock(Governance, 150), false));
        assert!(change(lock(Governance, 200), lock(Governance, 150), true));
        assert!(change(lock(Governance, 200), ObjectLock::default(), true));
        assert!(!change(lock(Compliance, 200), lock(Compliance, 150), true));
        assert!(!change(lock(Compliance, 200), lock(Governance, 300), true));
        assert!(!change(lock(Compliance, 200), ObjectLock::default(), true));
        // It is over.
        assert!(change(lock(Compliance, 100), ObjectLock::default(), false));
    }
}
