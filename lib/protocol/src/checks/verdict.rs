//! Verdicts: what they say, what they belong to, and where they are kept.

use std::fmt;
use std::time::UNIX_EPOCH;

use draftstore_storage::{MediaType, ObjectInfo, ObjectKey};

use crate::confirm::MarkerDigest;
use crate::keys::RESERVED_PREFIX;

/// The prefix of verdicts. It sorts after every shard of unique drafts.
const VERDICTS_PREFIX: &str = "verdicts/";

/// The metadata name of a verdict, sealed by the service. The object has no bytes.
pub const VERDICT_METADATA: &str = "draftstore-verdict";

/// The maximum length of a verdict's text in bytes. Sealed, and in base64, it fits in the 2 KB of an object's metadata.
const MAX_TEXT_BYTES: usize = 1200;

/// The result of the checks of one version of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every check accepts the bytes.
    Accepted {
        /// The media type that the bytes have, if a check looked for it.
        media_type: Option<MediaType>,
    },
    /// A check rejects the bytes, for these reasons.
    Rejected(Vec<Reason>),
}

/// The reason why there is no verdict for a confirm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NoVerdict<E> {
    /// The checks have not ended yet.
    Pending,
    /// The scanner had no result in time.
    ScannerUnavailable(SilentScanner),
    /// A call to the store failed.
    Store(E),
}

/// The scanner, or several, without a result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SilentScanner {
    /// The name of the check.
    pub check: &'static str,
    /// The name of the scanner, or several with commas between.
    pub name: String,
}

impl fmt::Display for SilentScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A reason to reject a draft, which may be shown to its uploader.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The name of the check.
    pub check: String,
    /// The rule that the draft breaks, in capitals.
    pub code: String,
    /// A sentence for a person, of one line.
    pub detail: String,
}

/// Returns everything that a verdict belongs to: the draft, its version, and the settings of the checks.
///
/// Two versions may share an `ETag`, if an attacker has made two files of one MD5. So the size, the time, and the checksum
/// are parts of the version too, and so is the declared media type, which the bytes must agree with.
pub fn verdict_parts(draft_key: &ObjectKey, draft: &ObjectInfo, settings: &str) -> [String; 7] {
    let modified = draft.last_modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    [
        draft_key.to_string(),
        draft.etag.as_str().to_owned(),
        draft.size.to_string(),
        modified.as_nanos().to_string(),
        draft
            .checksum_sha256
            .map(|sha256| sha256.to_string())
            .unwrap_or_default(),
        draft.attributes.content_type.clone().unwrap_or_default(),
        settings.to_owned(),
    ]
}

/// Returns everything that the answer of one scanner belongs to: the scanner, and all that a verdict belongs to. What a
/// scanner reports late, or about another version or under other settings, is found by no check that it is not about.
pub fn answer_parts(scanner: &str, verdict_parts: &[String]) -> Vec<String> {
    let scanner = std::iter::once(scanner.to_owned());
    scanner.chain(verdict_parts.iter().cloned()).collect()
}

/// Returns the key of the verdict with this digest of its parts: `.drafts/verdicts/<digest>`.
///
/// # Panics
/// Never: such a key has 60 bytes.
pub fn verdict_key(digest: &MarkerDigest) -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}{VERDICTS_PREFIX}{}", digest.as_str());
    ObjectKey::new(key).expect("the key is short, of letters and digits")
}

impl Verdict {
    /// Returns the text of a verdict. Reasons that do not fit are left out, but not the first.
    pub fn to_text(&self) -> String {
        match self {
            Self::Accepted { media_type: None } => "accepted".to_owned(),
            Self::Accepted {
                media_type: Some(media_type),
            } => format!("accepted {}", media_type.as_str()),
            Self::Rejected(reasons) => {
                let mut text = "rejected".to_owned();
                for Reason { check, code, detail } in reasons {
                    let line = format!("\n{check} {code} {}", cut(&detail.replace('\n', " ")));
                    if text.len() + line.len() > MAX_TEXT_BYTES {
                        break;
                    }
                    text.push_str(&line);
                }
                text
            }
        }
    }

    /// Reads the text of a verdict. Returns `None` for any other text.
    pub fn of_text(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        let first = lines.next()?;
        if first == "rejected" {
            let reasons: Option<Vec<_>> = lines.map(Reason::of_line).collect();
            return Some(Self::Rejected(reasons?));
        }
        let media_type = match first.strip_prefix("accepted")? {
            "" => None,
            rest => Some(rest.strip_prefix(' ')?.parse().ok()?),
        };
        lines.next().is_none().then_some(Self::Accepted { media_type })
    }
}

impl Reason {
    fn of_line(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        Some(Self {
            check: parts.next()?,
            code: parts.next()?,
            detail: parts.next()?,
        })
    }
}

/// Cuts a sentence, so that the first one always fits.
fn cut(detail: &str) -> &str {
    const MAX_DETAIL_BYTES: usize = 300;
    let end = (0..=MAX_DETAIL_BYTES.min(detail.len())).rfind(|end| detail.is_char_boundary(*end));
    &detail[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(detail: &str) -> Reason {
        Reason {
            check: "type".to_owned(),
            code: "NOT_ALLOWED".to_owned(),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn text_of_a_verdict_round_trips() {
        for verdict in [
            Verdict::Accepted { media_type: None },
            Verdict::Accepted {
                media_type: "image/png".parse().ok(),
            },
            Verdict::Rejected(Vec::new()),
            Verdict::Rejected(vec![reason("It is a \"web page\"."), reason("")]),
        ] {
            assert_eq!(Verdict::of_text(&verdict.to_text()), Some(verdict));
        }
    }

    #[test]
    fn no_other_text_is_a_verdict() {
        for bad in [
            "",
            "accept",
            "accepted ",
            "accepted image",
            "acceptedimage/png",
            "accepted\n",
            "accepted image/png\ntype X y",
            "rejected\n",
            "rejected\ntype X",
            "rejected type X y",
            "Accepted",
        ] {
            assert_eq!(Verdict::of_text(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn verdict_stays_rejected_however_long_its_reasons_are() {
        let long = Verdict::Rejected(vec![reason(&"ü\n".repeat(5000)); 100]);
        let text = long.to_text();
        assert!(text.len() <= MAX_TEXT_BYTES, "{} bytes", text.len());
        let Some(Verdict::Rejected(reasons)) = Verdict::of_text(&text) else {
            panic!("not rejected: {text}");
        };
        assert!(reasons.len() > 1 && reasons[0].code == "NOT_ALLOWED", "{reasons:?}");
    }
}
