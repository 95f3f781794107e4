//! Messages of Amazon SNS over HTTPS, and the verification of their signatures.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use x509_parser::pem::parse_x509_pem;
use x509_parser::time::ASN1Time;

/// A message of SNS, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SnsMessage {
    #[serde(rename = "Type")]
    kind: MessageKind,
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "TopicArn")]
    topic_arn: String,
    #[serde(rename = "Subject")]
    subject: Option<String>,
    #[serde(rename = "Message")]
    message: String,
    #[serde(rename = "Timestamp")]
    timestamp: String,
    #[serde(rename = "SignatureVersion")]
    signature_version: String,
    #[serde(rename = "Signature")]
    signature: String,
    #[serde(rename = "SigningCertURL")]
    certificate_url: String,
    #[serde(rename = "Token")]
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

/// A kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MessageKind {
    /// A message that was published to the topic.
    Notification,
    /// A request to confirm a new subscription.
    SubscriptionConfirmation,
    /// The message that a subscription has ended.
    UnsubscribeConfirmation,
}

/// The name of a topic: `arn:aws:sns:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicArn {
    text: String,
    region: String,
}

/// The reason to refuse a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The body is not a message of SNS.
    #[error("must be a message of SNS")]
    Form,
    /// The message has another topic.
    #[error("must be of a topic in HOOK_SNS_TOPICS")]
    Topic,
    /// The certificate or the confirmation is not at SNS in the topic's region.
    #[error("must have its certificate and its confirmation at SNS in the region of its topic")]
    Url,
    /// The certificate cannot be read, or is not valid now.
    #[error("must be signed with a certificate that is valid")]
    Certificate,
    /// The signature is not that of the message.
    #[error("must have a valid signature")]
    Signature,
}

impl TopicArn {
    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TopicArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for TopicArn {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be the ARN of a topic: arn:aws:sns:REGION:ACCOUNT:NAME";
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", "aws", "sns", region, account, name] = parts.as_slice() else {
            return Err(rule);
        };
        let is_region = !region.is_empty()
            && region
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let is_account = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !is_region || !is_account || !is_name {
            return Err(rule);
        }
        Ok(Self {
            text: text.to_owned(),
            region: (*region).to_owned(),
        })
    }
}

impl SnsMessage {
    /// Reads a message of one of these topics.
    ///
    /// # Errors
    /// [`InvalidMessage`] if it is no message, of another topic, or names other URLs than those of SNS in the topic's region.
    pub fn read(body: &[u8], topics: &[TopicArn]) -> Result<Self, InvalidMessage> {
        let message: Self = serde_json::from_slice(body).map_err(|_| InvalidMessage::Form)?;
        let topic = topics.iter().find(|topic| topic.text == message.topic_arn);
        let topic = topic.ok_or(InvalidMessage::Topic)?;
        let host = format!("https://sns.{}.amazonaws.com/", topic.region);
        let certificate = message
            .certificate_url
            .strip_prefix(&host)
            .and_then(|path| path.strip_suffix(".pem"));
        let is_file = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let subscribes_at_sns = |url: &String| url.strip_prefix(&host).is_some_and(|rest| rest.starts_with('?'));
        let is_confirmation = message.kind != MessageKind::Notification;
        let confirmed_at_sns = message.subscribe_url.as_ref().is_some_and(subscribes_at_sns);
        if !certificate.is_some_and(is_file) || is_confirmation && !confirmed_at_sns {
            return Err(InvalidMessage::Url);
        }
        Ok(message)
    }

    /// Returns the kind of the message.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// Returns the text that was published.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the URL of the certificate, which is at SNS.
    pub fn certificate_url(&self) -> &str {
        &self.certificate_url
    }

    /// Returns the URL that confirms a subscription, which is at SNS.
    pub fn subscribe_url(&self) -> Option<&str> {
        self.subscribe_url.as_deref()
    }

    /// Checks that the message was signed with this certificate, in PEM.
    ///
    /// # Errors
    /// [`InvalidMessage`] if the certificate is not valid now, or the signature is not that of this message.
    pub fn verify(&self, certificate: &[u8], now: SystemTime) -> Result<(), InvalidMessage> {
        let (_, pem) = parse_x509_pem(certificate).map_err(|_| InvalidMessage::Certificate)?;
        let certificate = pem.parse_x509().map_err(|_| InvalidMessage::Certificate)?;
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
        if !now.is_some_and(|now| certificate.validity().is_valid_at(now)) {
            return Err(InvalidMessage::Certificate);
        }
        let algorithm = match self.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(InvalidMessage::Signature),
        };
        let signature = STANDARD
            .decode(&self.signature)
            .map_err(|_| InvalidMessage::Signature)?;
        let key = &certificate.public_key().subject_public_key.data;
        UnparsedPublicKey::new(algorithm, key)
            .verify(self.signed().as_bytes(), &signature)
            .map_err(|_| InvalidMessage::Signature)
    }

    /// Returns the text that the signature covers: names and values of fields in the order of their names, each on a line.
    fn signed(&self) -> String {
        let own = |text: &String| Some(text.clone());
        let fields = match self.kind {
            MessageKind::Notification => vec![
                ("Message", own(&self.message)),
                ("MessageId", own(&self.message_id)),
                ("Subject", self.subject.clone()),
                ("Timestamp", own(&self.timestamp)),
                ("TopicArn", own(&self.topic_arn)),
                ("Type", Some("Notification".to_owned())),
            ],
            MessageKind::SubscriptionConfirmation | MessageKind::UnsubscribeConfirmation => vec![
                ("Message", own(&self.message)),
                ("MessageId", own(&self.message_id)),
                ("SubscribeURL", self.subscribe_url.clone()),
                ("Timestamp", own(&self.timestamp)),
                ("Token", self.token.clone()),
                ("TopicArn", own(&self.topic_arn)),
                ("Type", Some(format!("{:?}", self.kind))),
            ],
        };
        let lines = fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?)));
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:drafts";

    fn topics() -> Vec<TopicArn> {
        vec![TOPIC.parse().expect("a topic")]
    }

    /// Returns a message as AWS documents it, with no signature yet.
    fn message(kind: &str, version: &str, subject: Option<&str>) -> Value {
        let mut message = json!({
            "Type": kind,
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": "{\"Records\":[]}",
            "Timestamp": "2026-11-30T12:00:00.000Z",
            "SignatureVersion": version,
            "Signature": "",
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem",
            "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        });
        if let Some(subject) = subject {
            message["Subject"] = json!(subject);
        }
        if kind != "Notification" {
            message["Token"] = json!("2336412f37");
            message["SubscribeURL"] =
                json!("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37");
        }
        message
    }

    fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").args(arguments).current_dir(directory).output();
        let output = output.expect("openssl is on the PATH");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Makes a key and a certificate, which are valid for a day.
    fn certificate() -> (tempfile::TempDir, Vec<u8>) {
        let directory = tempfile::tempdir().expect("a directory");
        let arguments =
            "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=sns.amazonaws.com";
        openssl(directory.path(), &arguments.split(' ').collect::<Vec<_>>());
        let certificate = fs::read(directory.path().join("cert.pem")).expect("made");
        (directory, certificate)
    }

    /// Returns the fields that AWS signs of such messages, in the order of their names.
    fn signed_fields(kind: &str) -> Vec<&'static str> {
        let own: &[_] = match kind {
            "Notification" => &["Subject"],
            _ => &["SubscribeURL", "Token"],
        };
        let mut fields = [&["Message", "MessageId", "Timestamp", "TopicArn", "Type"], own].concat();
        fields.sort_unstable();
        fields
    }

    /// Signs a message as AWS describes it: the fields by name, a line each for the name and the value.
    fn signed(directory: &Path, mut message: Value) -> Vec<u8> {
        let names = signed_fields(message["Type"].as_str().expect("a kind"));
        let line = |name: &&str| Some(format!("{name}\n{}\n", message.get(*name)?.as_str()?));
        let text: String = names.iter().filter_map(line).collect();
        fs::write(directory.join("text"), text).expect("written");
        let digest = if message["SignatureVersion"] == "1" {
            "-sha1"
        } else {
            "-sha256"
        };
        let signature = openssl(directory, &["dgst", digest, "-sign", "key.pem", "text"]);
        message["Signature"] = json!(STANDARD.encode(signature));
        message.to_string().into_bytes()
    }

    fn read(body: &[u8]) -> Result<SnsMessage, InvalidMessage> {
        SnsMessage::read(body, &topics())
    }

    #[test]
    fn signatures_of_openssl_verify() {
        let (directory, certificate) = certificate();
        let now = SystemTime::now();
        for version in ["1", "2"] {
            for (kind, subject) in [
                ("Notification", None),
                ("Notification", Some("Amazon S3 Notification")),
                ("SubscriptionConfirmation", None),
                ("UnsubscribeConfirmation", None),
            ] {
                let body = signed(directory.path(), message(kind, version, subject));
                let message = read(&body).expect("a message");
                assert_eq!(message.verify(&certificate, now), Ok(()), "{kind} {version}");
                let year = Duration::from_secs(365 * 24 * 3600);
                for wrong in [now + year, now - year] {
                    assert_eq!(message.verify(&certificate, wrong), Err(InvalidMessage::Certificate));
                }
            }
        }
    }

    #[test]
    fn every_changed_field_is_refused() {
        let (directory, certificate) = certificate();
        let (_other, other_certificate) = self::certificate();
        let now = SystemTime::now();
        for kind in ["Notification", "SubscriptionConfirmation"] {
            let body = signed(directory.path(), message(kind, "2", Some("subject")));
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let mut fields = signed_fields(kind);
            // Another topic or kind is refused before.
            fields.retain(|field| !["TopicArn", "Type"].contains(field));
            fields.extend(["SignatureVersion", "Signature"]);
            for field in fields {
                let mut changed = body.clone();
                let text = changed[field].as_str().expect("text");
                let text = if field == "Signature" {
                    STANDARD.encode("x")
                } else {
                    format!("{text}x")
                };
                changed[field] = json!(text);
                let message = read(changed.to_string().as_bytes()).expect("a message");
                assert_eq!(
                    message.verify(&certificate, now),
                    Err(InvalidMessage::Signature),
                    "{field}"
                );
            }
            let mut as_version_1 = body.clone();
            as_version_1["SignatureVersion"] = json!("1");
            let message = read(as_version_1.to_string().as_bytes()).expect("a message");
            assert_eq!(message.verify(&certificate, now), Err(InvalidMessage::Signature));
            let message = read(body.to_string().as_bytes()).expect("a message");
            assert_eq!(message.verify(&other_certificate, now), Err(InvalidMessage::Signature));
            assert_eq!(message.verify(b"", now), Err(InvalidMessage::Certificate));
        }
    }

    #[test]
    fn only_urls_of_sns_in_the_region_of_the_topic_are_taken() {
        let with = |name: &str, url: &str| {
            let mut message = message("SubscriptionConfirmation", "2", None);
            message[name] = json!(url);
            read(message.to_string().as_bytes())
        };
        for bad in [
            "http://sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.us-east-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
            "https://user@sns.eu-west-1.amazonaws.com/a.pem",
            "https://sns.eu-west-1.amazonaws.com/../a.pem",
            "https://sns.eu-west-1.amazonaws.com/a/b.pem",
            "https://sns.eu-west-1.amazonaws.com/a.pem?x=.pem",
            "https://sns.eu-west-1.amazonaws.com/a.pem#x.pem",
            "https://sns.eu-west-1.amazonaws.com/a.crt",
            "https://s3.eu-west-1.amazonaws.com/bucket/a.pem",
            "",
        ] {
            assert_eq!(with("SigningCertURL", bad), Err(InvalidMessage::Url), "{bad}");
        }
        for bad in [
            "https://evil.example/?Action=ConfirmSubscription",
            "https://sns.eu-west-1.amazonaws.com/x",
        ] {
            assert_eq!(with("SubscribeURL", bad), Err(InvalidMessage::Url), "{bad}");
        }
        assert_eq!(with("TopicArn", &format!("{TOPIC}2")), Err(InvalidMessage::Topic));
        assert_eq!(read(b"{}"), Err(InvalidMessage::Form));
    }

    #[test]
    fn topics_are_arns_of_sns() {
        assert!(TOPIC.parse::<TopicArn>().is_ok());
        for bad in [
            "",
            "drafts",
            "arn:aws:sqs:eu-west-1:123456789012:drafts",
            "arn:aws:sns::123456789012:drafts",
            "arn:aws:sns:eu.west:123456789012:drafts",
            "arn:aws:sns:eu-west-1/:123456789012:drafts",
            "arn:aws:sns:eu-west-1:account:drafts",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:sns:eu-west-1:123456789012:a:b",
        ] {
            assert!(bad.parse::<TopicArn>().is_err(), "{bad}");
        }
    }
}
