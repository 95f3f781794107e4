//! URLs for parts.

use std::collections::BTreeMap;

use draftstore_proto::Timestamp;
use draftstore_proto::v1::{PartToSign, SignPartsRequest, SignedPart};

use super::hash::Hashed;
use super::job::Job;
use super::multipart::Begun;
use crate::failure::Failure;
use crate::server::Stub;
use crate::store::Put;

/// A part that can be sent.
pub(super) struct Ready {
    pub(super) hashed: Hashed,
    signed: SignedPart,
    expires_at: Option<Timestamp>,
}

impl Ready {
    /// The request that sends it.
    pub(super) fn put(&self, job: &Job<'_>) -> Put<'_> {
        Put {
            url: &self.signed.upload_url,
            headers: &self.signed.headers,
            expires_at: self.expires_at,
            piece: job.source.piece(self.hashed.part),
        }
    }
}

impl Job<'_> {
    /// Has parts signed, all in one call: each with its exact size and SHA-256. None where there are none.
    pub(super) async fn sign(&self, begun: &Begun, parts: Vec<Hashed>) -> Result<Vec<Ready>, Failure> {
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let to_sign = parts.iter().map(|hashed| PartToSign {
            part_number: hashed.part.number,
            content_length: Some(hashed.part.len.cast_signed()),
            checksum_sha256: Some(hashed.checksum.clone()),
        });
        let request = SignPartsRequest {
            object_name: self.object_name.clone(),
            draft_id: begun.draft_id.clone(),
            upload_id: begun.upload_id.clone(),
            parts: to_sign.collect(),
            expires_in: None,
        };
        let sign = async |mut stub: Stub, request| stub.sign_parts(request).await;
        let answer = self.uploader.server.call(self.output(), request, sign).await?;
        let expires_at = answer.expires_at;
        let signed = answer.parts.into_iter().map(|signed| (signed.part_number, signed));
        let mut signed: BTreeMap<_, _> = signed.collect();
        let ready = parts.into_iter().map(|hashed| {
            let signed = signed.remove(&hashed.part.number);
            let signed = signed.ok_or_else(|| Failure::nonsense("the server did not sign every part"))?;
            Ok(Ready {
                hashed,
                signed,
                expires_at,
            })
        });
        ready.collect()
    }
}
