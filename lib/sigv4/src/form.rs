//! Upload forms: the policy document and its signature, which the SDK lacks.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use crate::{ALGORITHM, Signer};

/// An upload by a form: what it may contain, and for how long.
#[derive(Debug, Clone)]
pub struct UploadForm<'a> {
    /// The name of the bucket.
    pub bucket: &'a str,
    /// The fields of the form, each of which must be sent with exactly this value.
    pub fields: BTreeMap<String, String>,
    /// The maximum size of the file, in bytes.
    pub max_content_length: u64,
    /// The validity, counted from the signer's second.
    pub seconds: u64,
}

impl Signer {
    /// Returns all fields of a form: those given, and those that sign them.
    pub fn sign_form(&self, form: UploadForm<'_>) -> BTreeMap<String, String> {
        let mut fields = form.fields;
        let token = self.identity.credentials.session_token.as_deref();
        let own = [
            ("x-amz-algorithm", ALGORITHM),
            ("x-amz-credential", &self.credential),
            ("x-amz-date", &self.time),
        ];
        for (name, value) in own
            .into_iter()
            .chain(token.map(|token| ("x-amz-security-token", token)))
        {
            fields.insert(name.to_owned(), value.to_owned());
        }
        let expiration = self.from.plus(form.seconds).extended();
        let policy = STANDARD.encode(document(form.bucket, form.max_content_length, &fields, &expiration));
        let signature = self.sign_policy(&policy);
        fields.insert("policy".to_owned(), policy);
        fields.insert("x-amz-signature".to_owned(), signature);
        fields
    }

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html>
    fn sign_policy(&self, policy: &str) -> String {
        let mut mac = self.key.mac.clone();
        mac.update(policy.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// Writes the policy by hand, because a JSON library would leave a `$`, which begins a variable there, and what is not
/// ASCII.
fn document(bucket: &str, max_content_length: u64, fields: &BTreeMap<String, String>, expiration: &str) -> String {
    let mut text = "{\"conditions\":[{\"bucket\":".to_owned();
    push_string(&mut text, bucket);
    write!(text, "}},[\"content-length-range\",0,{max_content_length}]").expect("a String takes everything");
    for (name, value) in fields {
        text.push_str(",{");
        push_string(&mut text, name);
        text.push(':');
        push_string(&mut text, value);
        text.push('}');
    }
    text.push_str("],\"expiration\":");
    push_string(&mut text, expiration);
    text.push('}');
    text
}

/// Appends a JSON string in which only plain ASCII stays as it is.
fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '$') {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(text, "\\u{unit:04x}").expect("a String takes everything");
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Credentials, Timestamp};

    fn signer(access_key_id: &str, secret: &str, session_token: Option<&str>, region: &str) -> Signer {
        let credentials = Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: session_token.map(ToOwned::to_owned),
        };
        // 2015-12-29T00:00:00Z
        let from = Timestamp::from_unix_seconds(1_451_347_200).expect("a time");
        Signer::new(credentials, region, from)
    }

    fn form(fields: &[(&str, &str)]) -> UploadForm<'static> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        UploadForm {
            bucket: "b-draft",
            fields: fields.iter().map(owned).collect(),
            max_content_length: 1000,
            seconds: 90,
        }
    }

    fn policy(fields: &BTreeMap<String, String>) -> String {
        let bytes = STANDARD.decode(&fields["policy"]).expect("base64");
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>
    #[test]
    fn signature_is_that_of_the_published_example() {
        let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6\
                      ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFj\
                      bCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tl\
                      dC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5\
                      cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZl\
                      ci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoN\
                      CiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVx\
                      dWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAx\
                      NTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
        let signer = signer(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            "us-east-1",
        );
        assert_eq!(
            signer.sign_policy(policy),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn every_field_is_a_condition() {
        let fields = signer("AKID", "hush", Some("token"), "eu-west-1").sign_form(form(&[("key", "a b.txt")]));
        let document: Value = serde_json::from_str(&policy(&fields)).expect("JSON");
        let expected = json!({
            "expiration": "2015-12-29T00:01:30Z",
            "conditions": [
                {"bucket": "b-draft"},
                ["content-length-range", 0, 1000],
                {"key": "a b.txt"},
                {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
                {"x-amz-credential": "AKID/20151229/eu-west-1/s3/aws4_request"},
                {"x-amz-date": "20151229T000000Z"},
                {"x-amz-security-token": "token"},
            ]
        });
        assert_eq!(document, expected);
        let names: Vec<_> = fields.keys().map(String::as_str).collect();
        let expected = [
            "key",
            "policy",
            "x-amz-algorithm",
            "x-amz-credential",
            "x-amz-date",
            "x-amz-security-token",
            "x-amz-signature",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn policy_is_ascii_and_has_no_variables() {
        let name = "5 $ é \"写真\" \\ \u{1} \u{7f} \u{1f431}.jpg";
        let fields = signer("AKID", "hush", None, "us-east-1").sign_form(form(&[("key", name)]));
        let policy = policy(&fields);
        assert!(policy.is_ascii() && !policy.contains('$'), "{policy}");
        let document: Value = serde_json::from_str(&policy).expect("JSON");
        assert_eq!(document["conditions"][2]["key"], name);
    }
}
