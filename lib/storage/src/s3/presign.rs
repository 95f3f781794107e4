//! Presigning: a URL, the headers to send with it, and when it truly ends.
//!
//! `PutObject` and `GetObject` are all that is ever signed, and a `PutObject` only into the draft bucket.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::presigning::{PresignedRequest as SdkRequest, PresigningConfig};

use super::error::Call;
use super::signers::{Signer, Signers};
use crate::{Error, Method, Operation, PresignGet, PresignPut, PresignedRequest, SecretUrl};

/// Signs an upload.
pub(super) async fn put(signers: &Signers, put: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
    let call = Call::on_key(Operation::Presign, put.bucket.name(), put.key);
    let signer = signers
        .signer(put.now)
        .await
        .map_err(|error| call.without_credentials(&error))?;
    let validity = validity(call, &signer, put.now, put.expires_in)?;
    let content_length = put.content_length.map(i64::try_from).transpose();
    let metadata = (!put.metadata.is_empty()).then(|| put.metadata.clone().into_iter().collect());
    let request = signer
        .client
        .put_object()
        .bucket(put.bucket.name().as_str())
        .key(put.key.as_str())
        .set_content_length(content_length.map_err(|_| call.too_large("the content length is over 2^63"))?)
        .set_content_type(put.content_type.map(ToOwned::to_owned))
        .set_checksum_sha256(put.checksum_sha256.map(|checksum| checksum.to_string()))
        .set_metadata(metadata)
        .set_if_none_match(put.write_once.then(|| "*".to_owned()))
        .presigned(validity.config(call)?)
        .await
        .map_err(|error| call.failed(&error))?;
    Ok(presigned(Method::Put, &request, validity))
}

/// Signs a download.
pub(super) async fn get(signers: &Signers, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
    let call = Call::on_key(Operation::Presign, get.bucket, get.key);
    let signer = signers
        .signer(get.now)
        .await
        .map_err(|error| call.without_credentials(&error))?;
    let validity = validity(call, &signer, get.now, get.expires_in)?;
    let request = signer
        .client
        .get_object()
        .bucket(get.bucket.as_str())
        .key(get.key.as_str())
        .set_response_content_disposition(get.response_content_disposition.map(ToOwned::to_owned))
        .presigned(validity.config(call)?)
        .await
        .map_err(|error| call.failed(&error))?;
    Ok(presigned(Method::Get, &request, validity))
}

/// From when, and for how long, both in whole seconds as the URL states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    from: SystemTime,
    seconds: u64,
}

impl Validity {
    fn config(self, call: Call<'_>) -> Result<PresigningConfig, Error> {
        PresigningConfig::builder()
            .start_time(self.from)
            .expires_in(Duration::from_secs(self.seconds))
            .build()
            .map_err(|error| call.unexpected(error.to_string()))
    }
}

fn validity(call: Call<'_>, signer: &Signer, now: SystemTime, expires_in: Duration) -> Result<Validity, Error> {
    let from = now
        .duration_since(UNIX_EPOCH)
        .map_err(|_| call.unexpected("the time is before 1970"))?
        .as_secs();
    if expires_in.as_secs() == 0 {
        return Err(call.unexpected("a presigned URL is valid for a second at least"));
    }
    let credentials_end = signer
        .ends_at()
        .map(|end| end.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let left = credentials_end.map_or(u64::MAX, |end| end.saturating_sub(from));
    if left == 0 {
        let ended = CredentialsError::not_loaded("the credentials end within this second");
        return Err(call.without_credentials(&ended));
    }
    Ok(Validity {
        from: UNIX_EPOCH + Duration::from_secs(from),
        seconds: expires_in.as_secs().min(left),
    })
}

fn presigned(method: Method, signed: &SdkRequest, validity: Validity) -> PresignedRequest {
    let headers: BTreeMap<_, _> = signed
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    PresignedRequest {
        method,
        url: SecretUrl::new(signed.uri()),
        headers,
        expires_at: validity.from + Duration::from_secs(validity.seconds),
    }
}
