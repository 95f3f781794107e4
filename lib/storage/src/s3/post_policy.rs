//! The policy of a form, and its signature: what the SDK lacks.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::sigv4::Signer;

/// What a form may upload, and until when.
#[derive(Debug, Clone)]
pub(super) struct Policy<'a> {
    pub(super) bucket: &'a str,
    /// Every field, each of exactly this value.
    pub(super) fields: BTreeMap<String, String>,
    /// The largest file, in bytes.
    pub(super) max_content_length: u64,
    /// When it is signed, in seconds since 1970.
    pub(super) from: u64,
    /// When it ends. Whole seconds.
    pub(super) until: SystemTime,
}

impl Policy<'_> {
    /// All fields of the form: those given, and those that sign them.
    pub(super) fn signed(self, signer: &Signer) -> BTreeMap<String, String> {
        let mut fields = self.fields;
        fields.extend(signer.form_fields(self.from));
        let mut conditions = vec![
            json!({ "bucket": self.bucket }),
            json!(["content-length-range", 0, self.max_content_length]),
        ];
        conditions.extend(fields.iter().map(|(name, value)| json!({ name: value })));
        let policy = json!({ "expiration": rfc_3339(self.until), "conditions": conditions });
        let policy = STANDARD.encode(escaped(&policy));
        let signature = signer.sign_policy(self.from, &policy);
        fields.insert("policy".to_owned(), policy);
        fields.insert("x-amz-signature".to_owned(), signature);
        fields
    }
}

/// JSON in ASCII. `$` begins a variable there, and is in no condition of ours but within values.
fn escaped(policy: &Value) -> String {
    let mut escaped = String::new();
    for c in policy.to_string().chars() {
        if c.is_ascii() && c != '$' {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(escaped, "\\u{unit:04x}").expect("a String takes everything");
        }
    }
    escaped
}

fn rfc_3339(time: SystemTime) -> String {
    let time = DateTime::from(time).fmt(Format::DateTime);
    time.expect("the year has four digits: it is at most 7 days from now")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_credential_types::Credentials;

    use super::*;

    /// 2015-12-29T00:00:00Z
    const FROM: u64 = 1_451_347_200;

    fn policy(fields: &[(&str, &str)]) -> Policy<'static> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Policy {
            bucket: "b-draft",
            fields: fields.iter().map(owned).collect(),
            max_content_length: 1000,
            from: FROM,
            until: UNIX_EPOCH + Duration::from_secs(FROM + 90),
        }
    }

    fn document(fields: &BTreeMap<String, String>) -> String {
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
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, None, None, "test");
        assert_eq!(
            Signer::new(credentials, "us-east-1").sign_policy(FROM, policy),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn every_field_is_a_condition() {
        let credentials = Credentials::new("AKID", "hush", Some("token".to_owned()), None, "test");
        let fields = policy(&[("key", "a b.txt")]).signed(&Signer::new(credentials, "eu-west-1"));
        let document: Value = serde_json::from_str(&document(&fields)).expect("JSON");
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
        let name = "5 $ é \"写真\" \u{1f431}.jpg";
        let credentials = Credentials::new("AKID", "hush", None, None, "test");
        let fields = policy(&[("key", name)]).signed(&Signer::new(credentials, "us-east-1"));
        let document = document(&fields);
        assert!(document.is_ascii() && !document.contains('$'), "{document}");
        let document: Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document["conditions"][2]["key"], name);
    }
}
