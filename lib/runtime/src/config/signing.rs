//! What signs uploads, where it is not what makes the calls.

use std::str::FromStr;

use draftstore_embedded::Credentials;
use draftstore_s3::{Signing, StaticCredentials};

use super::errors::Errors;
use super::variables::Values;

/// A key pair, or a role.
pub(super) fn signing(values: &mut Values, errors: &mut Errors) -> Option<Signing> {
    let session_token = present(values.signing_session_token.take());
    let role: Option<RoleArn> = errors.parse("SIGNING_ROLE_ARN", values.signing_role_arn.take());
    let pair = key_pair(values, errors);
    if pair.is_some() && role.is_some() {
        errors.add("SIGNING_ROLE_ARN: must not go with SIGNING_ACCESS_KEY_ID");
    }
    if session_token.is_some() && pair.is_none() {
        errors.add("SIGNING_SESSION_TOKEN: must go with SIGNING_ACCESS_KEY_ID");
    }
    match (pair, role) {
        (Some((id, secret)), _) => Some(Signing::Static(StaticCredentials {
            session_token,
            ..StaticCredentials::new(id, secret)
        })),
        (None, Some(RoleArn(arn))) => Some(Signing::Role { arn }),
        (None, None) => None,
    }
}

/// The embedded store knows key pairs alone.
pub(super) fn embedded_signing(values: &mut Values, errors: &mut Errors) -> Option<Credentials> {
    for (name, value) in [
        ("SIGNING_ROLE_ARN", &mut values.signing_role_arn),
        ("SIGNING_SESSION_TOKEN", &mut values.signing_session_token),
    ] {
        if present(value.take()).is_some() {
            errors.add(format!("{name}: the embedded store has no such credentials"));
        }
    }
    key_pair(values, errors).map(|(access_key_id, secret_access_key)| Credentials {
        access_key_id,
        secret_access_key,
    })
}

fn key_pair(values: &mut Values, errors: &mut Errors) -> Option<(String, String)> {
    let key = present(values.signing_access_key_id.take());
    let secret = present(values.signing_secret_access_key.take());
    if key.is_some() != secret.is_some() {
        errors.add("SIGNING_ACCESS_KEY_ID, SIGNING_SECRET_ACCESS_KEY: must be set together");
    }
    key.zip(secret)
}

fn present(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.is_empty())
}

struct RoleArn(String);

impl FromStr for RoleArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_role = text.starts_with("arn:") && text.contains(":role/") && text.bytes().all(|b| b.is_ascii_graphic());
        if is_role {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be the ARN of a role, such as arn:aws:iam::123456789012:role/draftstore-signer")
        }
    }
}
