//! Signing of the uploads of parts.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use draftstore_protocol::upload::{MAX_PART_BYTES, MAX_PARTS, Token};
use draftstore_storage::{PresignPart, PresignedRequest, Sha256};

use super::{Upload, UploadName};
use crate::draft::Drafts;
use crate::fields::{checksum, content_length, expires_in, part_number};
use crate::limits::MAX_SIGNED_TOGETHER;
use crate::violation::Violations;
use crate::{Amount, Error, Missing, Scope, UrlKind, Violation};

/// A request to sign the uploads of parts, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct SignParts {
    /// The upload of the parts.
    pub upload: UploadName,
    /// The parts to sign.
    pub parts: Vec<PartToSign>,
    /// The duration of the URLs' validity, in seconds.
    pub expires_in: Option<i32>,
}

/// A part to sign in a request, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct PartToSign {
    /// The number of the part.
    pub part_number: i32,
    /// The exact size in bytes.
    pub content_length: Option<i64>,
    /// The SHA-256 of the part, in base64.
    pub checksum_sha256: Option<String>,
}

/// The signed uploads of several parts.
#[derive(Debug, Clone)]
pub struct PartsSigned {
    /// The signed parts, in the order of the request.
    pub parts: Vec<SignedPart>,
    /// The time at which the first of the URLs expires.
    pub expires_at: SystemTime,
}

/// The signed upload of a part.
#[derive(Debug, Clone)]
pub struct SignedPart {
    /// The number of the part.
    pub number: u16,
    /// The presigned request for the client.
    pub request: PresignedRequest,
}

/// A validated part of a request.
#[derive(Debug)]
struct Checked {
    number: u16,
    content_length: Option<u64>,
    checksum_sha256: Option<Sha256>,
}

impl Drafts {
    /// Signs the uploads of parts.
    ///
    /// Does not call the store: if the upload no longer exists, the store refuses the part. If the size of the whole
    /// upload is known, the exact size of each part is signed.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Missing::Upload`] if the upload has ended,
    /// or [`Error::StoreCredentials`] if there are no credentials to sign with.
    pub async fn sign_parts(&self, request: &SignParts) -> Result<PartsSigned, Error> {
        self.caller.require(Scope::Upload)?;
        let mut broken = Violations::default();
        let upload = self.parse_upload(&request.upload, &mut broken);
        let expires_in = broken.take(expires_in(request.expires_in, self.shared.policy.upload_ttl()));
        let parts = checked(&request.parts, upload.as_ref().map(|upload| &upload.token), &mut broken);
        let (Some(upload), Some(expires_in), []) = (upload, expires_in, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        self.check_limit(&upload.token)?;
        self.sign(&upload, &parts, expires_in).await
    }

    /// Checks the size of the upload against the limit of the caller, which may not be the one that began it.
    fn check_limit(&self, token: &Token) -> Result<(), Error> {
        let profile = &self.caller.profile;
        match (token.content_length, profile.max_object_bytes) {
            (Some(bytes), _) => profile.check_size("upload_id", bytes),
            (None, None) => Ok(()),
            (None, Some(most)) => {
                let most = Amount::bytes(most);
                let rule =
                    format!("must be of an upload with content_length: this caller's objects have at most {most}");
                Err(Error::Invalid(vec![Violation::new("upload_id", rule)]))
            }
        }
    }

    async fn sign(&self, upload: &Upload, parts: &[Checked], expires_in: Duration) -> Result<PartsSigned, Error> {
        let now = self.shared.clock.now();
        let left = upload.ends_at().duration_since(now).unwrap_or_default();
        if left.as_secs() == 0 {
            return Err(Error::NotFound(Missing::Upload));
        }
        let mut expires_at = upload.ends_at();
        let mut signed = Vec::with_capacity(parts.len());
        for part in parts {
            let presign = PresignPart {
                bucket: &self.shared.store.buckets.draft,
                key: &upload.draft.key,
                upload_id: &upload.token.upload_id,
                number: part.number,
                content_length: part.content_length,
                checksum_sha256: part.checksum_sha256,
                now,
                expires_in: expires_in.min(left),
            };
            let request = self.shared.store.presign().presign_part(&presign).await?;
            // The credentials may have been renewed between two parts.
            expires_at = expires_at.min(request.expires_at);
            signed.push(SignedPart {
                number: part.number,
                request,
            });
        }
        self.observe_issued(UrlKind::Part, signed.len());
        Ok(PartsSigned {
            parts: signed,
            expires_at,
        })
    }
}

/// Returns the valid parts, and records the rules that the others break. Rules that need the token are skipped without
/// it.
fn checked(parts: &[PartToSign], token: Option<&Token>, broken: &mut Violations) -> Vec<Checked> {
    if !(1..=MAX_SIGNED_TOGETHER).contains(&parts.len()) {
        let rule = format!("must be 1 to {MAX_SIGNED_TOGETHER} parts");
        broken.take::<()>(Err(Violation::new("parts", rule)));
        return Vec::new();
    }
    let last = token.and_then(Token::part_count).unwrap_or(MAX_PARTS);
    let mut seen = BTreeSet::new();
    let mut good = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let of_part = |violation: Violation| violation.within(format_args!("parts[{place}]"));
        let number = broken.take(part_number(part.part_number, last).map_err(of_part));
        if number.is_some_and(|number| !seen.insert(number)) {
            let twice = Violation::new("part_number", "must not be that of another part");
            broken.take::<()>(Err(of_part(twice)));
        }
        let planned = number.zip(token).and_then(|(number, token)| token.part_length(number));
        let bytes = part
            .content_length
            .map(|bytes| part_length(bytes, planned).map_err(of_part));
        let content_length = broken.take_optional(bytes).or(planned);
        let sum = part_checksum(part.checksum_sha256.as_deref(), token.map(|token| token.part_checksums));
        let sum = broken.take(sum.map_err(of_part));
        if let (Some(number), Some(checksum_sha256)) = (number, sum) {
            good.push(Checked {
                number,
                content_length,
                checksum_sha256,
            });
        }
    }
    good
}

/// Validates the size of a part, which is planned if the size of the whole upload is known.
fn part_length(bytes: i64, planned: Option<u64>) -> Result<u64, Violation> {
    let bytes = content_length(bytes)?;
    if let Some(planned) = planned.filter(|planned| *planned != bytes) {
        let rule = format!("must be left out, or be {planned} by the upload's content_length and part_size");
        return Err(Violation::new("content_length", rule));
    }
    if bytes > MAX_PART_BYTES {
        let rule = format!("must be at most {MAX_PART_BYTES} bytes");
        return Err(Violation::new("content_length", rule));
    }
    Ok(bytes)
}

/// Validates the checksum of a part, which is required if the upload was begun with `part_checksums` and refused
/// otherwise.
fn part_checksum(base64: Option<&str>, part_checksums: Option<bool>) -> Result<Option<Sha256>, Violation> {
    let rule = match (base64, part_checksums) {
        (None, Some(true)) => "must be given: the upload was begun with part_checksums",
        (Some(_), Some(false)) => "must not be given: the upload was begun without part_checksums",
        (None, Some(false) | None) => return Ok(None),
        (Some(base64), Some(true) | None) => return checksum(base64).map(Some),
    };
    Err(Violation::new("checksum_sha256", rule))
}
