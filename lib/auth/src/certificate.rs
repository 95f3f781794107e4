//! Client certificates: their names, and the callers that they authenticate.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_service::Caller;
use x509_parser::prelude::{ASN1Time, FromDer as _, GeneralName, X509Certificate};

/// A name in the `subjectAltName` of a certificate, as the policy writes it. Wildcards are not allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum San {
    /// `dns:shop.internal`, in lower case.
    Dns(String),
    /// `uri:spiffe://example.org/shop`, verbatim.
    Uri(String),
    /// `email:shop@example.org`, verbatim.
    Email(String),
}

/// The error of a text that is not a name of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'dns:', 'uri:' or 'email:' with a name in ASCII, without wildcards and spaces")]
pub(crate) struct InvalidSan;

impl FromStr for San {
    type Err = InvalidSan;

    fn from_str(text: &str) -> Result<Self, InvalidSan> {
        let (kind, name) = text.split_once(':').ok_or(InvalidSan)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*') {
            return Err(InvalidSan);
        }
        match kind {
            "dns" => Ok(Self::Dns(name.to_ascii_lowercase())),
            "uri" if name.contains(':') => Ok(Self::Uri(name.to_owned())),
            "email" if name.contains('@') => Ok(Self::Email(name.to_owned())),
            _ => Err(InvalidSan),
        }
    }
}

/// The reason why a certificate is rejected. It is only logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("the certificate cannot be parsed")]
    Unreadable,
    #[error("the certificate has expired, or is not valid yet")]
    NotValidNow,
    #[error("the policy has no name of the certificate")]
    NoName,
    #[error("the certificate has names of several callers")]
    SeveralCallers,
}

/// The names of client certificates, with their callers.
#[derive(Debug, Default)]
pub(crate) struct Certificates(BTreeMap<San, Arc<Caller>>);

impl Certificates {
    /// Assigns a name to a caller, and returns its previous caller.
    pub(crate) fn add(&mut self, san: San, caller: Arc<Caller>) -> Option<Arc<Caller>> {
        self.0.insert(san, caller)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the caller of a certificate. TLS verified the chain when the connection began, which may be long ago, so
    /// the dates are checked again.
    pub(crate) fn caller(&self, der: &[u8], now: SystemTime) -> Result<Arc<Caller>, CertificateError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).map(seconds);
        let now = since_epoch.ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
        if !now.is_some_and(|now| certificate.validity().is_valid_at(now)) {
            return Err(CertificateError::NotValidNow);
        }
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| CertificateError::Unreadable)?;
        let names = names.ok_or(CertificateError::NoName)?.value.general_names.iter();
        let mut callers = names.filter_map(san).filter_map(|san| self.0.get(&san));
        let caller = callers.next().ok_or(CertificateError::NoName)?;
        if callers.all(|other| Arc::ptr_eq(other, caller)) {
            Ok(Arc::clone(caller))
        } else {
            Err(CertificateError::SeveralCallers)
        }
    }
}

fn seconds(since_epoch: Duration) -> i64 {
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

fn san(name: &GeneralName<'_>) -> Option<San> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "callers have no names of other kinds")]
    match name {
        GeneralName::DNSName(name) => Some(San::Dns(name.to_ascii_lowercase())),
        GeneralName::URI(name) => Some(San::Uri((*name).to_owned())),
        GeneralName::RFC822Name(name) => Some(San::Email((*name).to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    use super::*;

    fn certificate(names: &[SanType]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().expect("ASCII"))
    }

    fn uri(name: &str) -> SanType {
        SanType::URI(name.try_into().expect("ASCII"))
    }

    fn email(name: &str) -> SanType {
        SanType::Rfc822Name(name.try_into().expect("ASCII"))
    }

    fn year(year: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600)
    }

    fn known() -> Certificates {
        let caller = |name: &str| {
            Arc::new(Caller {
                name: name.to_owned(),
                ..Caller::anyone()
            })
        };
        let (shop, mail) = (caller("shop"), caller("mail"));
        let mut known = Certificates::default();
        for (name, caller) in [
            ("dns:Shop.internal", &shop),
            ("uri:spiffe://example.org/shop", &shop),
            ("email:mail@example.org", &mail),
        ] {
            known.add(name.parse().expect(name), Arc::clone(caller));
        }
        known
    }

    #[test]
    fn callers_are_found_by_the_names_of_certificates() {
        let shop = Ok("shop".to_owned());
        for (names, caller) in [
            (&[dns("shop.internal")][..], shop.clone()),
            (&[dns("SHOP.internal")], shop.clone()),
            (&[uri("spiffe://example.org/shop")], shop.clone()),
            (
                &[dns("a.example"), dns("shop.internal"), uri("spiffe://example.org/shop")],
                shop,
            ),
            (&[email("mail@example.org")], Ok("mail".to_owned())),
            (&[], Err(CertificateError::NoName)),
            (&[dns("a.shop.internal")], Err(CertificateError::NoName)),
            (&[dns("*.internal")], Err(CertificateError::NoName)),
            (&[uri("spiffe://example.org/shop/x")], Err(CertificateError::NoName)),
            (&[dns("spiffe")], Err(CertificateError::NoName)),
            (&[uri("urn:shop.internal")], Err(CertificateError::NoName)),
            (&[email("Mail@example.org")], Err(CertificateError::NoName)),
            (
                &[dns("shop.internal"), email("mail@example.org")],
                Err(CertificateError::SeveralCallers),
            ),
        ] {
            let found = known().caller(&certificate(names), year(2026));
            assert_eq!(found.map(|caller| caller.name.clone()), caller, "{names:?}");
        }
    }

    #[test]
    fn common_name_is_ignored() {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "shop.internal");
        let key = KeyPair::generate().expect("a key");
        let der = params.self_signed(&key).expect("a certificate").der().to_vec();
        assert_eq!(known().caller(&der, year(2026)), Err(CertificateError::NoName));
    }

    #[test]
    fn certificate_is_rejected_outside_its_validity() {
        let der = certificate(&[dns("shop.internal")]);
        for (year, valid) in [(1970, false), (2019, false), (2021, true), (2029, true), (2031, false)] {
            let found = known().caller(&der, self::year(year));
            assert_eq!(found.is_ok(), valid, "{year}");
            assert!(valid || found == Err(CertificateError::NotValidNow), "{year}");
        }
    }

    #[test]
    fn truncated_certificate_is_rejected() {
        let der = certificate(&[dns("shop.internal")]);
        for len in 0..der.len() {
            assert!(known().caller(&der[..len], year(2026)).is_err(), "{len}");
        }
    }

    #[test]
    fn names_are_dns_uri_or_email() {
        for good in ["dns:a", "uri:spiffe://a/b", "uri:urn:a", "email:a@b"] {
            assert!(good.parse::<San>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "dns:",
            "dns:*.a",
            "dns:a b",
            "dns:ä",
            "ip:10.0.0.1",
            "uri:a",
            "email:a",
            "cn:a",
        ] {
            assert_eq!(bad.parse::<San>(), Err(InvalidSan), "{bad}");
        }
    }
}
