//! Signing the uploads of parts.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use draftstore_protocol::upload::{MAX_PART_BYTES, MAX_PARTS, Token};
use draftstore_storage::{PresignPart, PresignedRequest, Sha256};

use super::{Upload, UploadName};
use crate::draft::Drafts;
use crate::fields::{checksum, content_length, expires_in, part_number};
use crate::limits::MAX_SIGNED_TOGETHER;
use crate::violation::Violations;
use crate::{Error, Missing, Scope, UrlKind, Violation};

/// Which parts a caller wants to upload, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct SignParts {
    /// The upload.
    pub upload: UploadName,
    /// Its parts.
    pub parts: Vec<PartToSign>,
    /// Validity in seconds.
    pub expires_in: Option<i32>,
}

/// A part that a caller wants to upload, as it came.
#[derive(Debug, Clone, Default)]
pub struct PartToSign {
    /// Its number.
    pub part_number: i32,
    /// Exact size in bytes.
    pub content_length: Option<i64>,
    /// SHA-256 in base64.
    pub checksum_sha256: Option<String>,
}

/// How to upload parts.
#[derive(Debug, Clone)]
pub struct PartsSigned {
    /// In the order in which they were asked for.
    pub parts: Vec<SignedPart>,
    /// When the first of the URLs ends.
    pub expires_at: SystemTime,
}

/// How to upload a part.
#[derive(Debug, Clone)]
pub struct SignedPart {
    /// Its number.
    pub number: u16,
    /// How.
    pub request: PresignedRequest,
}

/// A part that breaks no rule.
#[derive(Debug)]
struct Checked {
    number: u16,
    content_length: Option<u64>,
    checksum_sha256: Option<Sha256>,
}

impl Drafts {
    /// Signs the uploads of parts. Asks the store nothing: it says itself, when a part comes, whether the upload still is
    /// there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Missing::Upload`] when the upload has ended, or
    /// [`Error::StoreCredentials`] when there is nothing to sign with.
    pub async fn sign_parts(&self, request: &SignParts) -> Result<PartsSigned, Error> {
        self.caller.may(Scope::Upload)?;
        let mut broken = Violations::default();
        let upload = self.upload_meant(&request.upload, &mut broken);
        let expires_in = broken.take(expires_in(request.expires_in, self.shared.policy.upload_ttl()));
        let parts = checked(&request.parts, upload.as_ref().map(|upload| &upload.token), &mut broken);
        let (Some(upload), Some(expires_in), []) = (upload, expires_in, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        self.sign(&upload, &parts, expires_in).await
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
            // Credentials may have been renewed between two of them.
            expires_at = expires_at.min(request.expires_at);
            signed.push(SignedPart {
                number: part.number,
                request,
            });
        }
        self.tell_issued(UrlKind::Part, signed.len());
        Ok(PartsSigned {
            parts: signed,
            expires_at,
        })
    }
}

/// The parts that break no rule. Without a token, the rules that follow from it are not asked about.
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
        let bytes = part.content_length.map(|bytes| part_length(bytes).map_err(of_part));
        let content_length = broken.take_optional(bytes);
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

fn part_length(bytes: i64) -> Result<u64, Violation> {
    let bytes = content_length(bytes)?;
    if bytes > MAX_PART_BYTES {
        let rule = format!("must be at most {MAX_PART_BYTES} bytes");
        return Err(Violation::new("content_length", rule));
    }
    Ok(bytes)
}

/// Where the upload was begun so that its parts have checksums, each has one, else none.
fn part_checksum(base64: Option<&str>, part_checksums: Option<bool>) -> Result<Option<Sha256>, Violation> {
    let rule = match (base64, part_checksums) {
        (None, Some(true)) => "must be given: the upload was begun with part_checksums",
        (Some(_), Some(false)) => "must not be given: the upload was begun without part_checksums",
        (None, Some(false) | None) => return Ok(None),
        (Some(base64), Some(true) | None) => return checksum(base64).map(Some),
    };
    Err(Violation::new("checksum_sha256", rule))
}
