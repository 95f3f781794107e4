//! Checksums: which ones a request declares, whether the bytes match, and how those of parts combine into one.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, checksum_combine};
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::ChecksumType;
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

use crate::blobs::Received;

/// A checksum algorithm of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// The name used in `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn digest_len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// # Errors
    /// Returns `InvalidRequest` for a name that is not an S3 algorithm.
    pub(crate) fn parse(name: &str) -> S3Result<Self> {
        let known = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))
    }

    /// The CRC variant, if the checksums of two runs of bytes can be combined into the checksum of both.
    fn combinable_crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// The checksums of an object or a part, in base64. A composite checksum of N parts has the form `…-N`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    values: Vec<(Algorithm, String)>,
    composite: bool,
}

impl Checksums {
    pub(crate) fn get(&self, algorithm: Algorithm) -> Option<String> {
        self.values
            .iter()
            .find(|(known, _)| *known == algorithm)
            .map(|(_, value)| value.clone())
    }

    /// Returns true if the checksums cover the bytes of the object, and not the checksums of its parts.
    pub(crate) fn cover_object(&self) -> bool {
        !self.composite
    }

    /// Returns the checksums of a part with the type of those of its object, as S3 does.
    pub(crate) fn of_part(&self, object: &Self) -> Self {
        Self {
            values: self.values.clone(),
            composite: object.composite,
        }
    }

    /// The value of `x-amz-checksum-type`, if there is any checksum.
    pub(crate) fn kind(&self) -> Option<ChecksumType> {
        let kind = if self.composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        };
        (!self.values.is_empty()).then(|| ChecksumType::from_static(kind))
    }

    pub(crate) fn from_s3(sums: &s3s::dto::Checksum) -> Self {
        let value = |algorithm| match algorithm {
            Algorithm::Crc32 => sums.checksum_crc32.clone(),
            Algorithm::Crc32c => sums.checksum_crc32c.clone(),
            Algorithm::Crc64Nvme => sums.checksum_crc64nvme.clone(),
            Algorithm::Sha1 => sums.checksum_sha1.clone(),
            Algorithm::Sha256 => sums.checksum_sha256.clone(),
        };
        let values = Algorithm::ALL
            .into_iter()
            .filter_map(|a| value(a).map(|value| (a, value)))
            .collect();
        Self {
            values,
            composite: false,
        }
    }
}

/// Returns a hasher that computes `algorithms`.
pub(crate) fn hasher(algorithms: impl IntoIterator<Item = Algorithm>) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    for algorithm in algorithms {
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(Sha256::new()),
        }
    }
    hasher
}

/// The digests that a request declares for its body.
#[derive(Debug, Default)]
pub(crate) struct ExpectedDigests {
    md5: Option<Vec<u8>>,
    values: Vec<(Algorithm, String)>,
    /// Algorithms to compute without an expected value so far: it comes as a trailer, or the upload asks for one.
    extra: Vec<Algorithm>,
    trailers: Option<TrailingHeaders>,
}

impl ExpectedDigests {
    /// Reads `Content-MD5`, `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm`.
    ///
    /// # Errors
    /// Returns `InvalidDigest` or `InvalidRequest` for a value that is not a checksum.
    pub(crate) fn from_headers(headers: &HeaderMap, trailers: Option<TrailingHeaders>) -> S3Result<Self> {
        let mut expected = Self {
            trailers,
            ..Self::default()
        };
        if let Some(md5) = text(headers, "content-md5")? {
            expected.add_md5(md5)?;
        }
        for algorithm in Algorithm::ALL {
            if let Some(value) = text(headers, algorithm.header())? {
                expected.add(algorithm, value)?;
            }
        }
        for name in text(headers, "x-amz-trailer")?.unwrap_or_default().split(',') {
            let of_name = |algorithm: &Algorithm| algorithm.header().eq_ignore_ascii_case(name.trim());
            expected.extra.extend(Algorithm::ALL.into_iter().find(of_name));
        }
        if let Some(name) = text(headers, "x-amz-sdk-checksum-algorithm")? {
            expected.extra.push(Algorithm::parse(name)?);
        }
        Ok(expected)
    }

    pub(crate) fn add_md5(&mut self, value: &str) -> S3Result<()> {
        let md5 = STANDARD.decode(value).ok().filter(|md5| md5.len() == 16);
        self.md5 = Some(md5.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?);
        Ok(())
    }

    pub(crate) fn add(&mut self, algorithm: Algorithm, value: &str) -> S3Result<()> {
        if STANDARD
            .decode(value)
            .is_ok_and(|digest| digest.len() == algorithm.digest_len())
        {
            self.values.push((algorithm, value.to_owned()));
            return Ok(());
        }
        Err(s3_error!(
            InvalidRequest,
            "Value for {} header is invalid.",
            algorithm.header()
        ))
    }

    /// Adds an algorithm to compute even if the request does not declare it.
    pub(crate) fn require(&mut self, algorithm: Option<Algorithm>) {
        self.extra.extend(algorithm);
    }

    pub(crate) fn hasher(&self) -> ChecksumHasher {
        hasher(
            self.values
                .iter()
                .map(|(algorithm, _)| *algorithm)
                .chain(self.extra.iter().copied()),
        )
    }

    /// Compares the expected digests with those of the received bytes. The trailers must have arrived.
    ///
    /// # Errors
    /// Returns `BadDigest` if one of them differs.
    pub(crate) fn verify(mut self, received: &Received) -> S3Result<Checksums> {
        if self.md5.as_ref().is_some_and(|md5| md5[..] != received.md5) {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        if let Some(trailers) = self.trailers.take().and_then(|trailers| trailers.take()) {
            for algorithm in Algorithm::ALL {
                if let Some(value) = text(&trailers, algorithm.header())? {
                    self.add(algorithm, value)?;
                }
            }
        }
        let computed = Checksums::from_s3(&received.sums);
        for (algorithm, value) in self.values {
            if computed.get(algorithm).as_ref() != Some(&value) {
                let name = algorithm.name();
                return Err(s3_error!(
                    BadDigest,
                    "The {name} you specified did not match the calculated checksum."
                ));
            }
        }
        Ok(computed)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> S3Result<Option<&'h str>> {
    let bad = |_| s3_error!(InvalidRequest, "Value for {name} header is invalid.");
    headers
        .get(name)
        .map(http::HeaderValue::to_str)
        .transpose()
        .map_err(bad)
}

/// The checksum that a multipart upload stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadChecksum {
    pub(crate) algorithm: Algorithm,
    /// True for a checksum of the whole object's bytes, false for one of the parts' checksums.
    pub(crate) full_object: bool,
}

impl UploadChecksum {
    /// # Errors
    /// Returns `InvalidRequest` for an unknown name, or for a combination that S3 does not offer.
    pub(crate) fn parse(algorithm: Option<&str>, kind: Option<&str>) -> S3Result<Option<Self>> {
        let Some(algorithm) = algorithm else {
            return match kind {
                None => Ok(None),
                Some(_) => Err(s3_error!(
                    InvalidRequest,
                    "x-amz-checksum-type requires x-amz-checksum-algorithm: send both."
                )),
            };
        };
        let algorithm = Algorithm::parse(algorithm)?;
        let by_default = algorithm == Algorithm::Crc64Nvme;
        let full_object = kind.map_or(by_default, |kind| kind.eq_ignore_ascii_case(ChecksumType::FULL_OBJECT));
        if (full_object && algorithm.combinable_crc().is_none()) || (!full_object && by_default) {
            let name = algorithm.name();
            return Err(s3_error!(
                InvalidRequest,
                "The checksum type cannot be used with the {name} algorithm."
            ));
        }
        Ok(Some(Self { algorithm, full_object }))
    }

    pub(crate) fn kind(self) -> ChecksumType {
        ChecksumType::from_static(if self.full_object {
            ChecksumType::FULL_OBJECT
        } else {
            ChecksumType::COMPOSITE
        })
    }

    /// Combines the parts' checksums and sizes into the checksum of the object; `None` if a part lacks a checksum.
    pub(crate) fn combine<'p>(self, parts: impl IntoIterator<Item = (&'p Checksums, u64)>) -> Option<Checksums> {
        let mut digests = Vec::new();
        for (sums, size) in parts {
            digests.push((STANDARD.decode(sums.get(self.algorithm)?).ok()?, size));
        }
        let value = match self.algorithm.combinable_crc() {
            Some(crc) if self.full_object => {
                let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                let (first, rest) = digests.split_first()?;
                let whole = rest.iter().fold(number(&first.0), |whole, (part, size)| {
                    checksum_combine(crc, whole, number(part), *size)
                });
                let bytes = whole.to_be_bytes();
                STANDARD.encode(&bytes[bytes.len() - self.algorithm.digest_len()..])
            }
            _ => {
                let mut composite = hasher([self.algorithm]);
                for (digest, _) in &digests {
                    composite.update(digest);
                }
                let value = Checksums::from_s3(&composite.finalize()).get(self.algorithm)?;
                format!("{value}-{}", digests.len())
            }
        };
        Some(Checksums {
            values: vec![(self.algorithm, value)],
            composite: !self.full_object,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(algorithm: Algorithm, bytes: &[u8]) -> Checksums {
        let mut hasher = hasher([algorithm]);
        hasher.update(bytes);
        Checksums::from_s3(&hasher.finalize())
    }

    #[test]
    fn crcs_of_parts_combine_into_the_crc_of_the_object() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts = [&b"one "[..], b"", b"and two"];
            let of_parts: Vec<_> = parts.map(|part| (sums(algorithm, part), part.len() as u64)).into();
            let combined = UploadChecksum {
                algorithm,
                full_object: true,
            }
            .combine(of_parts.iter().map(|(sums, size)| (sums, *size)))
            .unwrap();
            assert_eq!(combined, sums(algorithm, b"one and two"));
        }
    }

    #[test]
    fn composite_checksum_ends_with_the_part_count() {
        let parts = [sums(Algorithm::Sha256, b"a"), sums(Algorithm::Sha256, b"b")];
        let combined = UploadChecksum {
            algorithm: Algorithm::Sha256,
            full_object: false,
        }
        .combine(parts.iter().map(|sums| (sums, 1)))
        .unwrap();
        assert!(combined.get(Algorithm::Sha256).unwrap().ends_with("-2"));
        assert!(!combined.cover_object());
    }

    #[test]
    fn unsupported_checksum_combinations_are_rejected() {
        assert!(UploadChecksum::parse(Some("SHA256"), Some("FULL_OBJECT")).is_err());
        assert!(UploadChecksum::parse(Some("CRC64NVME"), Some("COMPOSITE")).is_err());
        assert!(UploadChecksum::parse(Some("MD4"), None).is_err());
        assert_eq!(UploadChecksum::parse(None, None).unwrap(), None);
    }
}
