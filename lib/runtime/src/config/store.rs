//! Which store, and how to reach it.

use std::path::PathBuf;
use std::str::FromStr;

use draftstore_embedded::Credentials;
use draftstore_s3 as s3;

use super::errors::Errors;
use super::listen::port;
use super::signing::{embedded_signing, signing};
use super::values::Switch;
use super::variables::Values;
use super::{EmbeddedStore, Store};

const DEFAULT_PORT: u16 = 9000;

/// The store that was named, or that what is set points to; and why.
pub(super) fn store(values: &mut Values, errors: &mut Errors) -> Option<(Store, &'static str)> {
    let given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
    let has_credentials = [
        &values.aws_access_key_id,
        &values.aws_profile,
        &values.aws_web_identity_token_file,
        &values.aws_container_credentials_full_uri,
        &values.aws_container_credentials_relative_uri,
    ]
    .into_iter()
    .any(given);
    match values.storage_type.take().as_deref() {
        Some("s3") => Some((s3(values, errors), "STORAGE_TYPE=s3")),
        Some("embedded") => Some((embedded(values, errors, true), "STORAGE_TYPE=embedded")),
        Some(other) => errors.take("STORAGE_TYPE", Err(format!("{other:?}: must be 's3' or 'embedded'"))),
        None if given(&values.s3_endpoint) => Some((s3(values, errors), "S3_ENDPOINT is set")),
        None if has_credentials => Some((s3(values, errors), "AWS credentials are configured")),
        None => Some((embedded(values, errors, false), "no store is configured")),
    }
}

/// Credentials are left to the AWS chain, which reads the same variables; only half a key pair is refused here.
fn s3(values: &mut Values, errors: &mut Errors) -> Store {
    key_pair(values, errors);
    let path_style: Option<Switch> = errors.parse("S3_PATH_STYLE", values.s3_path_style.take());
    Store::S3(s3::Settings {
        endpoint: endpoint("S3_ENDPOINT", &mut values.s3_endpoint, errors),
        public_endpoint: endpoint("S3_PUBLIC_ENDPOINT", &mut values.s3_public_endpoint, errors),
        signing: signing(values, errors),
        path_style: path_style.map(|Switch(on)| on),
        expected_bucket_owner: expected_owner(values, errors),
        ..s3::Settings::new(region(values, errors))
    })
}

fn embedded(values: &mut Values, errors: &mut Errors, asked_for: bool) -> Store {
    let pair = if asked_for { key_pair(values, errors) } else { None };
    let credentials = pair.map(|(access_key_id, secret_access_key)| Credentials {
        access_key_id,
        secret_access_key,
    });
    let data_dir: Option<PathBuf> = errors.parse("EMBEDDED_DATA_DIR", values.embedded_data_dir.take());
    Store::Embedded(EmbeddedStore {
        data_dir: data_dir.unwrap_or_else(|| PathBuf::from("data")),
        port: port("EMBEDDED_PORT", &mut values.embedded_port, DEFAULT_PORT, errors),
        credentials,
        signing: embedded_signing(values, errors),
        region: region(values, errors),
        public_endpoint: endpoint("S3_PUBLIC_ENDPOINT", &mut values.s3_public_endpoint, errors),
        expected_bucket_owner: expected_owner(values, errors),
    })
}

fn expected_owner(values: &mut Values, errors: &mut Errors) -> Option<s3::BucketOwner> {
    errors.parse("EXPECTED_BUCKET_OWNER", values.expected_bucket_owner.take())
}

fn key_pair(values: &mut Values, errors: &mut Errors) -> Option<(String, String)> {
    let present = |value: Option<String>| value.filter(|text| !text.is_empty());
    let key = present(values.aws_access_key_id.take());
    let secret = present(values.aws_secret_access_key.take());
    if key.is_some() != secret.is_some() {
        errors.add("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: must be set together");
    }
    key.zip(secret)
}

fn region(values: &mut Values, errors: &mut Errors) -> String {
    errors
        .parse("AWS_REGION", values.aws_region.take())
        .unwrap_or_else(|| "us-east-1".to_owned())
}

pub(super) fn endpoint(name: &str, value: &mut Option<String>, errors: &mut Errors) -> Option<String> {
    let parsed: Option<Endpoint> = errors.parse(name, value.take());
    parsed.map(|Endpoint(url)| url)
}

/// The URL of a store.
struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#@".contains(&b))
        });
        if plain {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("must be an http or https URL without user, query or fragment, such as http://localhost:3900")
        }
    }
}
