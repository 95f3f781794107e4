//! The URL that messages are posted to, and the addresses that its host may have.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use http::Uri;
use serde::Deserialize;
use url::{Host, Url};

use crate::address::AddressKind;

/// The maximum length of a URL in bytes.
const MAX_URL_BYTES: usize = 2048;

/// A URL that messages may be posted to.
///
/// The URL is one of `https`, or of `http` on this machine. Its host has public addresses, unless it is one of the hosts
/// that the configuration allows to be private. What its name resolves to is checked with each connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    uri: Uri,
    reach: Reach,
}

/// The addresses at which a destination may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Public,
    /// The host is named, so that private addresses are allowed as well.
    Private,
}

/// The hosts that may have private addresses: names and addresses, without a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct PrivateHosts(BTreeSet<String>);

/// A text that is neither the name nor the address of a host that may be private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} must be the name or the address of a host, without scheme and port, and no link-local or reserved address"
)]
pub struct InvalidPrivateHost(String);

/// The reason why a text is not the URL of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDestination {
    /// The text is no URL with a host.
    #[error("must be an https URL of at most 2048 bytes, such as https://example.com/hooks")]
    NoUrl,
    /// The URL has a user, a password or a fragment.
    #[error("must have neither user, password nor fragment")]
    Extra,
    /// The URL would send messages over a network without TLS.
    #[error("must be an https URL: http is for localhost, 127.0.0.0/8 and [::1]")]
    Insecure,
    /// The host is this machine or in a private network, and is not among the private hosts.
    #[error("must have a public address, or be named in private_hosts")]
    Private,
    /// The address is no destination, whatever the configuration says.
    #[error("must not have a link-local, metadata, multicast or reserved address")]
    Forbidden,
}

impl Destination {
    /// Parses a URL, with the hosts that may be private.
    ///
    /// # Errors
    /// [`InvalidDestination`] if messages must not be posted to the URL.
    pub fn new(url: &str, private: &PrivateHosts) -> Result<Self, InvalidDestination> {
        let parsed = Url::parse(url).ok().filter(|_| url.len() <= MAX_URL_BYTES);
        let parsed = parsed.ok_or(InvalidDestination::NoUrl)?;
        let host = parsed.host().ok_or(InvalidDestination::NoUrl)?;
        match parsed.scheme() {
            "https" => {}
            "http" if is_this_machine(&host) => {}
            "http" => return Err(InvalidDestination::Insecure),
            _ => return Err(InvalidDestination::NoUrl),
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
            return Err(InvalidDestination::Extra);
        }
        let is_named = private.0.contains(&normal(&host));
        let kind = match host {
            Host::Domain(_) if is_this_machine(&host) => AddressKind::Private,
            Host::Domain(_) => AddressKind::Public,
            Host::Ipv4(address) => AddressKind::of(address.into()),
            Host::Ipv6(address) => AddressKind::of(address.into()),
        };
        match kind {
            AddressKind::Never => return Err(InvalidDestination::Forbidden),
            AddressKind::Private if !is_named => return Err(InvalidDestination::Private),
            AddressKind::Private | AddressKind::Public => {}
        }
        let uri = parsed.as_str().parse().map_err(|_| InvalidDestination::NoUrl)?;
        let reach = if is_named { Reach::Private } else { Reach::Public };
        Ok(Self { uri, reach })
    }

    /// Returns the URL of the destination.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }
}

impl fmt::Debug for Destination {
    /// Shows the host alone: a path or a query may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("host", &self.uri.host())
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

impl Reach {
    /// Returns true for the addresses of public destinations.
    pub(crate) fn is_public(_: &Uri, address: IpAddr) -> bool {
        AddressKind::of(address) == AddressKind::Public
    }

    /// Returns true for the addresses of named destinations. A URL without TLS is for this machine alone.
    pub(crate) fn is_public_or_private(uri: &Uri, address: IpAddr) -> bool {
        if uri.scheme_str() == Some("http") {
            return address.to_canonical().is_loopback();
        }
        AddressKind::of(address) != AddressKind::Never
    }
}

impl TryFrom<Vec<String>> for PrivateHosts {
    type Error = InvalidPrivateHost;

    fn try_from(hosts: Vec<String>) -> Result<Self, InvalidPrivateHost> {
        let parsed = hosts.into_iter().map(|text| {
            let bare = text.trim_start_matches('[').trim_end_matches(']');
            let host = match bare.parse::<IpAddr>() {
                Ok(IpAddr::V6(address)) => Host::Ipv6(address),
                Ok(IpAddr::V4(_)) | Err(_) => Host::parse(&text).map_err(|_| InvalidPrivateHost(text.clone()))?,
            };
            let kind = match host {
                Host::Domain(_) => AddressKind::Private,
                Host::Ipv4(address) => AddressKind::of(address.into()),
                Host::Ipv6(address) => AddressKind::of(address.into()),
            };
            if kind == AddressKind::Never || matches!(&host, Host::Domain(name) if name.contains(['*', '/'])) {
                return Err(InvalidPrivateHost(text));
            }
            Ok(normal(&host))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }
}

fn normal<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(name) => name.as_ref().trim_end_matches('.').to_ascii_lowercase(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => {
            let name = normal(host);
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::time::{Duration, SystemTime};

    use tokio::net::TcpListener;

    use super::*;
    use crate::{Client, Message};

    fn hosts(hosts: &[&str]) -> PrivateHosts {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        hosts.try_into().expect("valid hosts")
    }

    #[test]
    fn destinations_are_public_unless_their_host_is_named() {
        let none = hosts(&[]);
        for (url, expected) in [
            ("https://example.com/hooks?a=b", Ok(())),
            ("https://example.com:8443", Ok(())),
            ("https://1.1.1.1/", Ok(())),
            ("https://[2606:4700::1111]/", Ok(())),
            ("https://intranet/", Ok(())), // What it resolves to is checked later.
            ("http://example.com/", Err(InvalidDestination::Insecure)),
            ("http://10.0.0.1/", Err(InvalidDestination::Insecure)),
            ("http://127.0.0.1:80/", Err(InvalidDestination::Private)),
            ("https://127.0.0.1/", Err(InvalidDestination::Private)),
            ("https://2130706433/", Err(InvalidDestination::Private)),
            ("https://0x7f.1/", Err(InvalidDestination::Private)),
            ("https://localhost/", Err(InvalidDestination::Private)),
            ("https://a.LocalHost./", Err(InvalidDestination::Private)),
            ("https://10.1.2.3/", Err(InvalidDestination::Private)),
            ("https://[fd12::1]/", Err(InvalidDestination::Private)),
            ("https://[::ffff:10.0.0.1]/", Err(InvalidDestination::Private)),
            ("https://169.254.169.254/latest", Err(InvalidDestination::Forbidden)),
            ("https://[fe80::1]/", Err(InvalidDestination::Forbidden)),
            ("https://0.0.0.0/", Err(InvalidDestination::Forbidden)),
            ("https://me:hush@example.com/", Err(InvalidDestination::Extra)),
            ("https://me@example.com/", Err(InvalidDestination::Extra)),
            ("https://example.com/#a", Err(InvalidDestination::Extra)),
            ("ftp://example.com/", Err(InvalidDestination::NoUrl)),
            ("example.com", Err(InvalidDestination::NoUrl)),
            ("https://", Err(InvalidDestination::NoUrl)),
            ("", Err(InvalidDestination::NoUrl)),
        ] {
            assert_eq!(Destination::new(url, &none).map(|_| ()), expected, "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        assert_eq!(Destination::new(&long, &none), Err(InvalidDestination::NoUrl));

        let named = hosts(&["127.0.0.1", "LOCALHOST", "hooks.internal", "10.0.0.1", "[::1]"]);
        for (url, reach) in [
            ("http://127.0.0.1:8080/", Reach::Private),
            ("http://localhost/", Reach::Private),
            ("http://[::1]/", Reach::Private),
            ("https://Hooks.Internal./", Reach::Private),
            ("https://10.0.0.1/", Reach::Private),
            ("https://example.com/", Reach::Public),
            ("https://a.hooks.internal/", Reach::Public),
        ] {
            let destination = Destination::new(url, &named).expect(url);
            assert_eq!(destination.reach(), reach, "{url}");
        }
        for (url, expected) in [
            ("http://hooks.internal/", InvalidDestination::Insecure),
            ("http://10.0.0.1/", InvalidDestination::Insecure),
            ("https://10.0.0.2/", InvalidDestination::Private),
        ] {
            assert_eq!(Destination::new(url, &named), Err(expected), "{url}");
        }
    }

    #[test]
    fn addresses_are_checked_by_the_reach_of_the_destination() {
        let [https, http]: [Uri; 2] = ["https://a/", "http://a/"].map(|uri| uri.parse().expect("a URL"));
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(Reach::is_public(&https, address("1.1.1.1")));
        assert!(!Reach::is_public(&https, address("10.0.0.1")));
        assert!(Reach::is_public_or_private(&https, address("10.0.0.1")));
        assert!(!Reach::is_public_or_private(&https, address("169.254.169.254")));
        assert!(Reach::is_public_or_private(&http, address("::ffff:127.0.0.1")));
        assert!(!Reach::is_public_or_private(&http, address("10.0.0.1")));
        assert!(!Reach::is_public_or_private(&http, address("1.1.1.1")));
    }

    #[tokio::test]
    async fn name_of_a_private_address_is_refused_without_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        // A public name may resolve to loopback, as this one does.
        let uri = format!("https://localhost:{port}/").parse().expect("a URL");
        let destination = Destination {
            uri,
            reach: Reach::Public,
        };
        tokio::select! {
            refused = refusal(&destination) => {
                assert!(refused.contains("has no address that may be connected to"), "{refused}");
            }
            _ = listener.accept() => panic!("connected"),
        }
    }

    /// Posts a message, and returns why it was not answered.
    async fn refusal(destination: &Destination) -> String {
        let client = Client::new(Duration::from_secs(10), 1024);
        let secrets = vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()];
        let secrets = secrets.try_into().expect("a secret");
        let message = Message {
            id: "evt_1".parse().expect("an ID"),
            content_type: "application/json",
            body: "{}".into(),
        };
        let sent = client.post(destination, &secrets, &message, SystemTime::now()).await;
        let error = sent.expect_err("refused");
        let causes = std::iter::successors(error.source(), |error| (*error).source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// The system resolves such a name, which is no address by any parser of URLs, to 169.254.169.254.
    #[tokio::test]
    async fn name_of_a_metadata_service_is_refused_whatever_is_named() {
        const NAME: &str = "0xa9fea9fe";
        assert_eq!(NAME.parse::<IpAddr>().ok(), None);
        let mut resolved = tokio::net::lookup_host((NAME, 80)).await.expect("an address");
        let metadata: IpAddr = "169.254.169.254".parse().expect("an address");
        assert_eq!(resolved.next().map(|address| address.ip()), Some(metadata));
        for reach in [Reach::Public, Reach::Private] {
            for scheme in ["https", "http"] {
                let uri = format!("{scheme}://{NAME}/").parse().expect("a URL");
                let refused = refusal(&Destination { uri, reach }).await;
                assert!(refused.contains("has no address that may be connected to"), "{refused}");
            }
        }
    }

    #[test]
    fn private_hosts_are_names_and_addresses_that_may_be_private() {
        for bad in [
            "",
            "https://a",
            "a:443",
            "a/b",
            "*.internal",
            "169.254.169.254",
            "[fe80::1]",
            "0.0.0.0",
            "a b",
        ] {
            assert!(PrivateHosts::try_from(vec![bad.to_owned()]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_neither_path_nor_query() {
        let destination = Destination::new("https://example.com/hush?key=hush", &hosts(&[])).expect("valid");
        assert!(!format!("{destination:?}").contains("hush"), "{destination:?}");
    }
}
