//! The plan of an upload: what its completion needs, kept in the store for the case that its client goes away.
//!
//! A store lists the key, the ID and the begin of an upload, and nothing else that was agreed on. So the server writes the plan
//! beside the upload, as a small object without bytes. Its key is made of the key and the ID of the upload: with the
//! upload its plan is found, and no plan counts for another upload. No upload URL can write there.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_storage::{ListedPart, ObjectKey, UploadId};

use super::Token;
use crate::confirm::MarkerDigest;
use crate::keys::RESERVED_PREFIX;

/// The prefix of plans. It sorts after every shard of unique drafts.
const PLANS_PREFIX: &str = "uploads/";

/// The metadata name of a plan.
pub const PLAN_METADATA: &str = "draftstore-plan";

/// Returns the key of the plan with this digest of the upload's key and ID: `.drafts/uploads/<digest>`.
///
/// # Panics
/// Never: such a key has 59 bytes.
pub fn plan_key(digest: &MarkerDigest) -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}{PLANS_PREFIX}{}", digest.as_str());
    ObjectKey::new(key).expect("the key is short, of letters and digits")
}

impl Token {
    /// Returns the text of the upload's plan, or `None` if its size is not known: it is then unknown if all parts are there.
    pub fn to_plan(&self) -> Option<String> {
        self.content_length?;
        Some(URL_SAFE_NO_PAD.encode(self.encode_fixed()))
    }

    /// Reads the text of the plan of the upload with this ID. Returns `None` for any other text.
    pub fn of_plan(text: &str, upload_id: &UploadId) -> Option<Self> {
        let fixed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let token = Self::decode(&[&fixed, upload_id.as_str().as_bytes()].concat())?;
        // The decoder takes for the ID whatever follows the fixed part.
        (token.upload_id == *upload_id && token.content_length.is_some()).then_some(token)
    }

    /// Returns true if these are all parts of the object, each with its exact size.
    pub fn is_complete(&self, parts: &[ListedPart]) -> bool {
        let Some(count) = self.part_count() else {
            return false;
        };
        let fits =
            |(number, part): (u16, &ListedPart)| part.number == number && Some(part.size) == self.part_length(number);
        parts.len() == usize::from(count) && (1..=count).zip(parts).all(fits)
    }
}

/// Returns true if every part arrived at least this long before `now`, both by the store's clock. A part without a date
/// may have arrived just now. The store's time has whole seconds, and so a part counts from the second of its arrival.
pub(super) fn is_idle(parts: &[ListedPart], now: SystemTime, idle_after: Duration) -> bool {
    let second = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(time, |since| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
        })
    };
    let idle = |arrived: SystemTime| now.duration_since(second(arrived)).is_ok_and(|idle| idle >= idle_after);
    parts.iter().all(|part| part.last_modified.is_some_and(idle))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::upload::Mark;

    const MIB: u64 = 1024 * 1024;

    fn token(content_length: Option<u64>) -> Token {
        Token {
            upload_id: UploadId::new("2~ü/+=& .a_b-c"),
            mark: Mark::new(7),
            content_length,
            part_size: 8 * MIB,
            part_checksums: true,
            ends_at: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        }
    }

    fn parts(sizes: &[u64]) -> Vec<ListedPart> {
        let part = |(number, &size): (u16, &u64)| ListedPart {
            number,
            etag: "0123".parse().expect("an ETag"),
            size,
            checksum_sha256: None,
            last_modified: Some(UNIX_EPOCH + Duration::from_secs(u64::from(number))),
        };
        (1..).zip(sizes).map(part).collect()
    }

    #[test]
    fn plan_has_everything_but_the_id_of_the_upload() {
        for bytes in [0, 1, 20 * MIB] {
            let token = token(Some(bytes));
            let text = token.to_plan().expect("the size is known");
            assert_eq!(Token::of_plan(&text, &token.upload_id).as_ref(), Some(&token));
            let other = UploadId::new("other");
            assert_eq!(Token::of_plan(&text, &other).map(|token| token.upload_id), Some(other));
        }
        assert_eq!(token(None).to_plan(), None);
    }

    #[test]
    fn no_other_text_is_a_plan() {
        let token = token(Some(MIB));
        let text = token.to_plan().expect("the size is known");
        let longer = URL_SAFE_NO_PAD.encode([token.encode_fixed().as_slice(), b"x"].concat());
        let unknown = Token {
            content_length: None,
            ..token.clone()
        };
        let unknown = URL_SAFE_NO_PAD.encode(unknown.encode_fixed());
        for bad in ["", "a b", &text[..text.len() - 2], &longer, &unknown] {
            assert_eq!(Token::of_plan(bad, &token.upload_id), None, "{bad:?}");
        }
    }

    #[test]
    fn upload_is_complete_with_exactly_its_parts() {
        let token = token(Some(20 * MIB));
        assert!(token.is_complete(&parts(&[8 * MIB, 8 * MIB, 4 * MIB])));
        for sizes in [
            &[][..],
            &[8 * MIB, 8 * MIB],
            &[8 * MIB, 8 * MIB, 4 * MIB - 1],
            &[8 * MIB, 7 * MIB, 5 * MIB],
            &[20 * MIB],
            &[8 * MIB, 8 * MIB, 4 * MIB, 0],
        ] {
            assert!(!token.is_complete(&parts(sizes)), "{sizes:?}");
        }
        let mut gap = parts(&[8 * MIB, 8 * MIB, 4 * MIB]);
        gap[2].number = 4;
        assert!(!token.is_complete(&gap));
        let empty = Token {
            content_length: Some(0),
            ..token
        };
        assert!(empty.is_complete(&parts(&[0])) && !empty.is_complete(&[]));
    }

    #[test]
    fn parts_are_idle_by_the_last_of_them() {
        let now = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut parts = parts(&[1, 1, 1]);
        let idle_after = Duration::from_secs(10);
        assert!(!is_idle(&parts, now(12), idle_after));
        assert!(is_idle(&parts, now(13), idle_after));
        assert!(!is_idle(&parts, now(2), Duration::ZERO), "a date in the future");
        parts[2].last_modified = Some(now(3) + Duration::from_millis(999));
        assert!(is_idle(&parts, now(3), Duration::ZERO), "in this second");
        parts[1].last_modified = None;
        assert!(!is_idle(&parts, now(13), idle_after), "no date");
    }
}
