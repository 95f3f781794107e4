//! The check of a draft by scanners with webhooks.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The scan of a draft by scanners that get a request each, of which a quorum must accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookCheck {
    /// The scanners. All get a request at the same time.
    pub scanners: Vec<WebhookScanner>,
    /// The number of scanners that must accept. `None` is all of them.
    pub quorum: Option<usize>,
    /// The hosts that may be in a private network.
    #[serde(default, skip_serializing)]
    pub private_hosts: Vec<String>,
}

impl WebhookCheck {
    /// The maximum number of scanners of a profile.
    pub const MAX_SCANNERS: usize = 8;

    /// The maximum length of the name of a scanner.
    pub const MAX_NAME_BYTES: usize = 63;

    /// Returns the number of scanners that must accept.
    pub(crate) fn needed(&self) -> usize {
        self.quorum.unwrap_or(self.scanners.len())
    }
}

/// A scanner with a webhook. Only its name is a part of the settings of a verdict, so that verdicts still count after a
/// change of its URL or its secrets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookScanner {
    /// The name of the scanner in reasons and logs.
    pub name: String,
    /// The URL that requests are posted to.
    #[serde(skip_serializing)]
    pub url: String,
    /// The secrets that sign requests.
    #[serde(default, skip_serializing)]
    pub secrets: HiddenTexts,
    /// The file that has the secrets instead. The reader of the settings reads it, and sets the secrets.
    #[serde(default, skip_serializing)]
    pub secrets_file: Option<String>,
}

impl fmt::Debug for WebhookScanner {
    /// Shows the name alone: a path or a query may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scanner = f.debug_struct("WebhookScanner");
        scanner.field("name", &self.name).finish_non_exhaustive()
    }
}

/// A list of secrets, or of texts that may be secrets by mistake. Neither errors nor logs quote it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HiddenTexts(Vec<String>);

impl HiddenTexts {
    /// Returns the texts, for what uses them.
    pub fn expose(&self) -> &[String] {
        &self.0
    }
}

impl From<Vec<String>> for HiddenTexts {
    fn from(texts: Vec<String>) -> Self {
        Self(texts)
    }
}

impl fmt::Debug for HiddenTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} texts", self.0.len())
    }
}

impl<'de> Deserialize<'de> for HiddenTexts {
    /// Reads a list of texts. An error never quotes one, which may be a secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts).map(Self)
    }
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Vec<String>, E> {
        Err(E::custom("must be a list of texts, in square brackets"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_urls_are_never_shown() {
        let check = |secrets| {
            let scanner = serde_json::json!({"name": "a", "url": "https://a.example/hush", "secrets": secrets});
            serde_json::from_value::<WebhookCheck>(serde_json::json!({ "scanners": [scanner] }))
        };
        let read = check(serde_json::json!(["whsec_hush"])).expect("settings");
        assert_eq!(read.scanners[0].secrets.expose(), ["whsec_hush"]);
        let texts = [
            format!("{read:?}"),
            serde_json::to_string(&read).expect("JSON"),
            check(serde_json::json!("whsec_hush")).expect_err("no list").to_string(),
        ];
        for text in texts {
            assert!(!text.contains("hush"), "{text}");
        }
    }
}
