//! Signs upload URLs with other libraries, for the benchmark `presign`, which starts this program.
//!
//! For a line `NAME CALLS` on stdin it prints the seconds per call, and for a line `NAME` a URL. No request leaves the
//! process. The endpoint and the credentials are arguments, so that all libraries sign the same.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer as _;
use opendal::Operator;
use opendal::services::S3;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use tokio::runtime::{Builder, Runtime};

struct PeerSigners {
    runtime: Runtime,
    key: String,
    ttl: Duration,
    rusty_s3: (Bucket, Credentials),
    object_store: AmazonS3,
    opendal: Operator,
}

fn main() -> anyhow::Result<()> {
    let peers = PeerSigners::new()?;
    for line in std::io::stdin().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some((name, calls)) => println!("{:e}", peers.seconds_each(name, calls.parse()?)?),
            None => println!("{}", peers.sign(&line)?),
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

impl PeerSigners {
    fn new() -> anyhow::Result<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let [endpoint, region, bucket, key, seconds, id, secret] = arguments.as_slice() else {
            bail!("usage: peers ENDPOINT REGION BUCKET KEY SECONDS ACCESS_KEY_ID SECRET_ACCESS_KEY");
        };
        let operator = S3::default()
            .endpoint(endpoint)
            .region(region)
            .bucket(bucket)
            .access_key_id(id)
            .secret_access_key(secret)
            .disable_config_load()
            .disable_ec2_metadata();
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            key: key.clone(),
            ttl: Duration::from_secs(seconds.parse()?),
            rusty_s3: (
                Bucket::new(endpoint.parse()?, UrlStyle::Path, bucket.clone(), region.clone())?,
                Credentials::new(id, secret),
            ),
            object_store: AmazonS3Builder::new()
                .with_endpoint(endpoint)
                .with_allow_http(true)
                .with_region(region)
                .with_bucket_name(bucket)
                .with_access_key_id(id)
                .with_secret_access_key(secret)
                .build()?,
            opendal: Operator::new(operator)?,
        })
    }

    fn seconds_each(&self, name: &str, calls: u32) -> anyhow::Result<f64> {
        let started = Instant::now();
        for _ in 0..calls {
            std::hint::black_box(self.sign(name)?);
        }
        Ok(started.elapsed().as_secs_f64() / f64::from(calls))
    }

    fn sign(&self, name: &str) -> anyhow::Result<String> {
        match name {
            "rusty-s3" => {
                let (bucket, credentials) = &self.rusty_s3;
                Ok(bucket.put_object(Some(credentials), &self.key).sign(self.ttl).into())
            }
            "object_store" => {
                let path = Path::from(self.key.as_str());
                let url = self.object_store.signed_url(http::Method::PUT, &path, self.ttl);
                Ok(self.runtime.block_on(url)?.into())
            }
            "opendal" => {
                let request = self.runtime.block_on(self.opendal.presign_write(&self.key, self.ttl))?;
                Ok(request.uri().to_string())
            }
            _ => Err(anyhow::Error::msg(
                "unknown library: use rusty-s3, object_store or opendal",
            ))
            .context(name.to_owned()),
        }
    }
}
