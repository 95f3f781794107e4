//! Bucket operations, including their CORS configuration.

use s3s::dto::{
    Bucket, CORSRule, CreateBucketInput, CreateBucketOutput, DeleteBucketCorsInput, DeleteBucketCorsOutput,
    DeleteBucketInput, DeleteBucketOutput, GetBucketCorsInput, GetBucketCorsOutput, GetBucketLocationInput,
    GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput,
    PutBucketCorsInput, PutBucketCorsOutput,
};
use s3s::{S3Result, s3_error};

use super::{Backend, owner};
use crate::clock;
use crate::index::{BucketRecord, CorsRuleRecord, LockConfig, Snapshot, Tables, Versioning};

/// The maximum number of rules in a CORS configuration.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html>
const MAX_CORS_RULES: usize = 100;
const CORS_METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

pub(super) async fn list(backend: &Backend, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let buckets = backend.read(Snapshot::buckets).await?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.continuation_token.unwrap_or_default();
    let mut wanted = buckets
        .into_iter()
        .filter(|(name, _)| name.starts_with(&prefix) && *name > after);
    let max = input
        .max_buckets
        .and_then(|max| usize::try_from(max).ok())
        .unwrap_or(usize::MAX);
    let page: Vec<_> = wanted.by_ref().take(max).collect();
    let next = wanted.next().and_then(|_| page.last().map(|(name, _)| name.clone()));
    let bucket = |(name, record): (String, BucketRecord)| Bucket {
        bucket_region: None,
        creation_date: Some(clock::timestamp(record.created_ms)),
        name: Some(name),
    };
    Ok(ListBucketsOutput {
        buckets: Some(page.into_iter().map(bucket).collect()),
        continuation_token: next,
        owner: Some(owner()),
        prefix: input.prefix,
    })
}

/// Creates a bucket. Idempotent, like S3 in us-east-1: an existing bucket is left unchanged and the status is 200.
pub(super) async fn create(backend: &Backend, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    let location = format!("/{}", input.bucket);
    let with_lock = input.object_lock_enabled_for_bucket == Some(true);
    let made = BucketRecord {
        created_ms: backend.clock.now_ms(),
        versioning: if with_lock {
            Versioning::Enabled
        } else {
            Versioning::Unversioned
        },
        lock: with_lock.then(LockConfig::default),
        ..BucketRecord::default()
    };
    let create = move |tables: &mut Tables<'_>| {
        if !tables.has_bucket(&input.bucket)? {
            return tables.put_bucket(&input.bucket, &made);
        }
        if with_lock && tables.bucket(&input.bucket)?.lock.is_none() {
            return Err(s3_error!(
                InvalidBucketState,
                "The bucket exists without object lock: send PutObjectLockConfiguration."
            )
            .into());
        }
        Ok(())
    };
    backend.index.write(create).await?;
    Ok(CreateBucketOutput {
        location: Some(location),
    })
}

pub(super) async fn head(backend: &Backend, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
    backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    Ok(HeadBucketOutput::default())
}

/// Deletes a bucket without objects, versions and delete markers. Multipart uploads in progress are aborted.
pub(super) async fn delete(backend: &Backend, input: DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    let delete = move |tables: &mut Tables<'_>| {
        tables.bucket(&input.bucket)?;
        if tables.has_versions(&input.bucket)? {
            let message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
            return Err(s3_error!(BucketNotEmpty, "{message}").into());
        }
        tables.delete_bucket(&input.bucket)
    };
    backend.index.write(delete).await?;
    Ok(DeleteBucketOutput::default())
}

/// Returns no constraint, which is how S3 names us-east-1. Requests may be signed for any region.
pub(super) async fn location(backend: &Backend, input: GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    Ok(GetBucketLocationOutput::default())
}

pub(super) async fn put_cors(backend: &Backend, input: PutBucketCorsInput) -> S3Result<PutBucketCorsOutput> {
    let rules = input
        .cors_configuration
        .cors_rules
        .into_iter()
        .map(rule)
        .collect::<S3Result<Vec<_>>>()?;
    if rules.is_empty() || rules.len() > MAX_CORS_RULES {
        return Err(s3_error!(
            MalformedXML,
            "A CORS configuration must have 1 to {MAX_CORS_RULES} rules."
        ));
    }
    set_cors(backend, input.bucket, Some(rules)).await?;
    Ok(PutBucketCorsOutput::default())
}

pub(super) async fn get_cors(backend: &Backend, input: GetBucketCorsInput) -> S3Result<GetBucketCorsOutput> {
    let bucket = backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    let rules = bucket
        .cors
        .ok_or_else(|| s3_error!(NoSuchCORSConfiguration, "The CORS configuration does not exist"))?;
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    let rule = |rule: CorsRuleRecord| CORSRule {
        allowed_headers: some(rule.allowed_headers),
        allowed_methods: rule.allowed_methods,
        allowed_origins: rule.allowed_origins,
        expose_headers: some(rule.expose_headers),
        id: rule.id,
        max_age_seconds: rule.max_age_seconds,
    };
    Ok(GetBucketCorsOutput {
        cors_rules: Some(rules.into_iter().map(rule).collect()),
    })
}

pub(super) async fn delete_cors(backend: &Backend, input: DeleteBucketCorsInput) -> S3Result<DeleteBucketCorsOutput> {
    set_cors(backend, input.bucket, None).await?;
    Ok(DeleteBucketCorsOutput::default())
}

async fn set_cors(backend: &Backend, bucket: String, cors: Option<Vec<CorsRuleRecord>>) -> S3Result<()> {
    backend
        .update_bucket(bucket, |record| {
            record.cors = cors;
            Ok(())
        })
        .await
}

impl Backend {
    /// Changes a bucket in one transaction, unless `change` returns an error.
    pub(super) async fn update_bucket(
        &self,
        bucket: String,
        change: impl FnOnce(&mut BucketRecord) -> S3Result<()> + Send + 'static,
    ) -> S3Result<()> {
        let update = move |tables: &mut Tables<'_>| {
            let mut record = tables.bucket(&bucket)?;
            change(&mut record)?;
            tables.put_bucket(&bucket, &record)
        };
        self.index.write(update).await
    }
}

fn rule(rule: CORSRule) -> S3Result<CorsRuleRecord> {
    let allowed_headers = rule.allowed_headers.unwrap_or_default();
    if let Some(method) = rule
        .allowed_methods
        .iter()
        .find(|method| !CORS_METHODS.contains(&method.as_str()))
    {
        return Err(s3_error!(
            InvalidRequest,
            "Found unsupported HTTP method in CORS config: {method}"
        ));
    }
    let wild = |pattern: &&String| pattern.matches('*').count() > 1;
    if let Some(pattern) = rule.allowed_origins.iter().chain(&allowed_headers).find(wild) {
        return Err(s3_error!(
            InvalidRequest,
            "\"{pattern}\" can not have more than one wildcard."
        ));
    }
    if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "A CORS rule must have at least one AllowedMethod and one AllowedOrigin."
        ));
    }
    Ok(CorsRuleRecord {
        id: rule.id,
        allowed_origins: rule.allowed_origins,
        allowed_methods: rule.allowed_methods,
        allowed_headers,
        expose_headers: rule.expose_headers.unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds,
    })
}
