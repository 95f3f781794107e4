//! One set of credentials, and what it signs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use aws_credential_types::Credentials;
use hmac::Mac as _;
use sha2::{Digest as _, Sha256};

use super::encoding::{Hex, push_path, push_value};
use super::second::Second;
use super::{ALGORITHM, Base};
use crate::Method;

/// Signs by one set of credentials for one region. Takes no locks.
pub(in crate::s3) struct Signer {
    credentials: Credentials,
    region: String,
    /// The session token as a pair of the query; empty where there is none.
    token: String,
    second: ArcSwapOption<Second>,
}

/// A request whose signature goes into its query.
#[derive(Debug, Clone, Copy)]
pub(in crate::s3) struct ToSign<'a> {
    pub(in crate::s3) method: Method,
    pub(in crate::s3) base: &'a Base,
    pub(in crate::s3) key: &'a str,
    /// Its own query, in the order of the names, which begin with small letters.
    pub(in crate::s3) query: &'a [(&'a str, &'a str)],
    /// What must be sent with it beside the host, under names in lower case.
    pub(in crate::s3) headers: &'a BTreeMap<String, String>,
    /// When it begins to be valid, in seconds since 1970.
    pub(in crate::s3) from: u64,
    /// For how many seconds it is valid.
    pub(in crate::s3) seconds: u64,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Signer {
    pub(in crate::s3) fn new(credentials: Credentials, region: impl Into<String>) -> Self {
        let mut token = String::new();
        if let Some(session_token) = credentials.session_token() {
            token.push_str("&X-Amz-Security-Token=");
            push_value(&mut token, session_token);
        }
        Self {
            credentials,
            region: region.into(),
            token,
            second: ArcSwapOption::empty(),
        }
    }

    /// What it signs by.
    pub(in crate::s3) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The URL, with the signature as its end.
    pub(in crate::s3) fn sign(&self, request: &ToSign<'_>) -> String {
        self.in_second(request.from, |second| self.sign_in(second, request))
    }

    fn sign_in(&self, second: &Second, request: &ToSign<'_>) -> String {
        let mut url = String::with_capacity(request.base.url().len() + 3 * request.key.len() + 512 + self.token.len());
        url.push_str(request.base.url());
        push_path(&mut url, request.key);
        let path = request.base.path_begins()..url.len();
        url.push('?');
        let query = url.len();
        url.push_str(&second.query);
        push_number(&mut url, request.seconds);
        url.push_str(&self.token);
        url.push_str("&X-Amz-SignedHeaders=");
        push_names(&mut url, request.headers, "%3B");
        for (name, value) in request.query {
            url.push('&');
            url.push_str(name);
            url.push('=');
            push_value(&mut url, value);
        }

        let mut canonical = String::with_capacity(url.len() + 256);
        canonical.push_str(request.method.as_str());
        canonical.push('\n');
        canonical.push_str(&url[path]);
        canonical.push('\n');
        canonical.push_str(&url[query..]);
        canonical.push('\n');
        for (name, value) in with_host(request.headers, request.base.host()) {
            canonical.push_str(name);
            canonical.push(':');
            push_header(&mut canonical, value);
            canonical.push('\n');
        }
        canonical.push('\n');
        push_names(&mut canonical, request.headers, ";");
        canonical.push_str("\nUNSIGNED-PAYLOAD");

        let mut mac = second.mac.clone();
        mac.update(Hex::of(&Sha256::digest(canonical).into()).as_str().as_bytes());
        url.push_str("&X-Amz-Signature=");
        url.push_str(Hex::of(&mac.finalize().into_bytes().into()).as_str());
        url
    }

    /// What a form says of who signs it, and when.
    pub(in crate::s3) fn form_fields(&self, from: u64) -> BTreeMap<String, String> {
        let (credential, time) = self.in_second(from, |second| (second.credential.clone(), second.time.clone()));
        let token = self.credentials.session_token();
        let token = token.map(|token| ("x-amz-security-token", token.to_owned()));
        let fields = [
            ("x-amz-algorithm", ALGORITHM.to_owned()),
            ("x-amz-credential", credential),
            ("x-amz-date", time),
        ];
        let fields = fields.into_iter().chain(token);
        fields.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The signature of an encoded policy, in hex.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html>
    pub(in crate::s3) fn sign_policy(&self, from: u64, policy: &str) -> String {
        let mut mac = self.in_second(from, |second| second.day.mac.clone());
        mac.update(policy.as_bytes());
        Hex::of(&mac.finalize().into_bytes().into()).as_str().to_owned()
    }

    /// Gives what the second's signatures have in common, which is made once for each second.
    fn in_second<T>(&self, since_epoch: u64, sign: impl FnOnce(&Second) -> T) -> T {
        let known = self.second.load();
        if let Some(known) = known.as_ref().filter(|known| known.since_epoch == since_epoch) {
            return sign(known);
        }
        let day = known.as_ref().map(|known| &known.day);
        let second = Arc::new(Second::new(since_epoch, &self.credentials, &self.region, day));
        self.second.store(Some(Arc::clone(&second)));
        sign(&second)
    }
}

/// The headers in the order of their names, the host among them.
fn with_host<'a>(headers: &'a BTreeMap<String, String>, host: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let pair = |(name, value): (&'a String, &'a String)| (name.as_str(), value.as_str());
    let before = headers.iter().map(pair).take_while(|(name, _)| *name < HOST);
    let behind = headers.iter().map(pair).skip_while(|(name, _)| *name < HOST);
    before.chain([(HOST, host)]).chain(behind)
}

const HOST: &str = "host";

fn push_names(text: &mut String, headers: &BTreeMap<String, String>, between: &str) {
    for (place, (name, _)) in with_host(headers, "").enumerate() {
        if place > 0 {
            text.push_str(between);
        }
        text.push_str(name);
    }
}

/// Spaces at the ends do not count, and several count as one.
fn push_header(text: &mut String, value: &str) {
    let mut words = value.trim().split(' ').filter(|word| !word.is_empty());
    text.push_str(words.next().unwrap_or_default());
    for word in words {
        text.push(' ');
        text.push_str(word);
    }
}

fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        // A remainder of ten is one digit.
        digits[first] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}
