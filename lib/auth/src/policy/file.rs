//! The policy file in its TOML form.

use std::collections::BTreeMap;
use std::fmt;

use draftstore_service::caller::{CheckSettings, HiddenTexts};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The whole file. Unknown fields are errors, since a misspelt rule would have no effect.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// A file with more API keys, by caller. It can be a Secret while the policy is not.
    #[serde(rename = "api_keys_file")]
    pub(super) keys: Option<String>,
    #[serde(default)]
    pub(super) destinations: BTreeMap<String, Destination>,
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, Profile>,
    #[serde(default)]
    pub(super) callers: BTreeMap<String, Caller>,
    #[serde(default)]
    pub(super) issuers: BTreeMap<String, Issuer>,
    #[serde(default, deserialize_with = "webhooks")]
    pub(super) webhooks: Vec<Webhook>,
}

/// A place where confirms may put objects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Destination {
    pub(super) bucket: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) storage_class: Option<String>,
    pub(super) retention: Option<FixedRetention>,
    pub(super) encryption: Option<String>,
    pub(super) kms_key_id: Option<String>,
}

impl Destination {
    /// Returns the storage options of every object there.
    pub(super) fn options(&self) -> FixedOptions {
        FixedOptions {
            storage_class: self.storage_class.clone(),
            retention: self.retention,
            encryption: self.encryption.clone(),
            kms_key_id: self.kms_key_id.clone(),
            ..FixedOptions::default()
        }
    }
}

/// The limits of uploads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) max_object_bytes: Option<u64>,
    pub(super) content_types: Option<Vec<String>>,
    /// The longest lifetime of a draft, in seconds.
    pub(super) max_draft_lifetime: Option<u64>,
    /// The headers of every upload.
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) expires: Option<String>,
    /// The storage options that uploads and confirms may set.
    pub(super) storage_options: Option<Vec<String>>,
    /// The storage options of every upload and every confirm.
    pub(super) fixed_options: Option<FixedOptions>,
    /// Confirms drafts when they have arrived.
    #[serde(default)]
    pub(super) auto_confirm: bool,
    /// The destination of drafts that confirm themselves.
    pub(super) auto_confirm_destination: Option<String>,
    /// The destinations that callers may name.
    #[serde(default)]
    pub(super) destinations: Vec<String>,
    /// The checks of drafts before they are confirmed.
    pub(super) checks: Option<CheckSettings>,
}

/// The storage options that a profile sets.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedOptions {
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) storage_class: Option<String>,
    pub(super) retention: Option<FixedRetention>,
    pub(super) legal_hold: Option<bool>,
    pub(super) encryption: Option<String>,
    pub(super) kms_key_id: Option<String>,
}

/// The retention that a profile sets.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FixedRetention {
    pub(super) mode: FixedMode,
    pub(super) days: u32,
}

/// The mode of a retention.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FixedMode {
    Governance,
    Compliance,
}

/// A caller with credentials of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Caller {
    pub(super) scopes: Vec<String>,
    pub(super) tenant: Option<String>,
    pub(super) profile: Option<String>,
    /// The destinations that the caller may name, beside those of its profile.
    #[serde(default)]
    pub(super) destinations: Vec<String>,
    #[serde(default)]
    pub(super) api_keys: HiddenTexts,
    #[serde(default)]
    pub(super) certificates: Vec<String>,
}

/// An issuer of tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    #[serde(rename = "issuer")]
    pub(super) iss: String,
    pub(super) audience: OneOrMore,
    pub(super) audience_claim: Option<String>,
    pub(super) algorithms: Vec<String>,
    pub(super) secret_file: Option<String>,
    pub(super) pem_file: Option<String>,
    pub(super) jwks_file: Option<String>,
    pub(super) jwks_url: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) scopes_claim: Option<String>,
    pub(super) scope_prefix: Option<String>,
    /// The scopes of a token without the claim.
    pub(super) default_scopes: Option<Vec<String>>,
    /// The claims that a token must have, each with the accepted values.
    #[serde(default)]
    pub(super) required_claims: BTreeMap<String, OneOrMore>,
    pub(super) tenant: Option<String>,
    pub(super) tenant_claim: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) profile_claim: Option<String>,
    /// The profiles that `profile_claim` may name.
    pub(super) profiles: Option<Vec<String>>,
}

/// An endpoint that events are sent to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Webhook {
    pub(super) name: String,
    pub(super) url: String,
    /// The secrets that sign, one or two.
    #[serde(default)]
    pub(super) secrets: HiddenTexts,
    /// A file with the secrets instead, one a line. It can be a Secret while the policy is not.
    pub(super) secrets_file: Option<String>,
    /// The kinds of events.
    pub(super) events: Vec<String>,
    /// The tenants whose events are sent. Without it, the events of all callers are.
    pub(super) tenants: Option<Vec<String>>,
    /// The host of the URL, if it may have a private address.
    #[serde(default)]
    pub(super) private_hosts: Vec<String>,
    /// The maximum number of events that are sent at a time.
    pub(super) concurrency: Option<usize>,
}

/// Reads the list of webhooks. The error for a table names the brackets of a list, which are easily forgotten.
fn webhooks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Webhook>, D::Error> {
    deserializer.deserialize_any(Webhooks)
}

struct Webhooks;

impl<'de> Visitor<'de> for Webhooks {
    type Value = Vec<Webhook>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of webhooks, each below [[webhooks]]")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Vec<Webhook>, A::Error> {
        Err(A::Error::custom(
            "must be a list: write [[webhooks]] in double brackets",
        ))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<Webhook>, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(list))
    }
}

/// A text or a list of texts.
#[derive(Debug)]
pub(super) struct OneOrMore(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTexts).map(Self)
    }
}

/// The file of API keys, with a list for each caller.
pub(super) type KeysFile = BTreeMap<String, HiddenTexts>;

struct TextOrTexts;

impl<'de> Visitor<'de> for TextOrTexts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list))
    }
}

/// Parses TOML. Errors give the line number and the field, and never quote the line.
pub(super) fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "must be UTF-8".to_owned())?;
    let parsed = toml::Deserializer::parse(text).map_err(|error| at_line(text, &error, None))?;
    serde_path_to_error::deserialize(parsed).map_err(|error| {
        let field = error.path().iter().next().map(|_| error.path().to_string());
        at_line(text, error.inner(), field.as_deref())
    })
}

fn at_line(text: &str, error: &toml::de::Error, field: Option<&str>) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    let field = field.map(|field| format!("{field}: "));
    let message = error.message();
    format!("{}{}{message}", line.unwrap_or_default(), field.unwrap_or_default())
}
