//! The hosts that are reached without a proxy: those of `NO_PROXY`, and those that no proxy can reach.

use std::net::IpAddr;

use ipnet::IpNet;

/// The parsed value of `NO_PROXY`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exceptions(Vec<Exception>);

/// An entry of the list.
#[derive(Debug, Clone)]
struct Exception {
    host: Host,
    /// The only port that the entry is about.
    port: Option<u16>,
}

#[derive(Debug, Clone)]
enum Host {
    Any,
    Network(IpNet),
    /// A domain with its subdomains, in lower case.
    Domain(String),
}

/// The network in which instances and containers of AWS with IPv6 have their metadata.
const METADATA: [u16; 2] = [0xfd00, 0x0ec2];

impl Exceptions {
    /// Parses a list of hosts, domains, addresses and networks, each perhaps with a port, that are separated by commas.
    pub(crate) fn parse(list: &str) -> Self {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Self(entries.map(Exception::parse).collect())
    }

    /// Returns true if the host is reached directly.
    pub(crate) fn contain(&self, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let host = host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        is_near(&host, address) || self.0.iter().any(|exception| exception.matches(&host, address, port))
    }
}

impl Exception {
    fn parse(text: &str) -> Self {
        if let Some(network) = network(text) {
            let (host, port) = (Host::Network(network), None);
            return Self { host, port };
        }
        let (text, port) = match text.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            Some(_) | None => (text, None),
        };
        let host = match text {
            "*" => Host::Any,
            text => network(text).map_or_else(|| Host::Domain(domain(text)), Host::Network),
        };
        Self { host, port }
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let is_host = match &self.host {
            Host::Any => true,
            Host::Network(network) => address.is_some_and(|address| network.contains(&address.to_canonical())),
            Host::Domain(domain) => {
                let rest = host.strip_suffix(domain.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        };
        is_host && self.port.is_none_or(|own| own == port)
    }
}

fn network(text: &str) -> Option<IpNet> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

fn domain(text: &str) -> String {
    let text = text
        .trim_start_matches("*.")
        .trim_start_matches('.')
        .trim_end_matches('.');
    text.to_ascii_lowercase()
}

/// Returns true for this machine, and for addresses that do not leave its network.
fn is_near(host: &str, address: Option<IpAddr>) -> bool {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.is_loopback() || address.is_unspecified() || address.is_link_local(),
        Some(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address.segments().starts_with(&METADATA)
        }
        None => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_domains_addresses_and_networks() {
        for (list, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "s3.Example.com", true),
            (".example.com", "example.com", true),
            ("*.example.com", "s3.example.com", true),
            ("example.com", "notexample.com", false),
            ("a, example.com ,b", "example.com", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("2001:db8::/32", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("example.com:9000", "example.com", true),
            ("example.com:9001", "example.com", false),
            ("10.1.2.3:9000", "10.1.2.3", true),
            ("*", "anything", true),
            ("", "anything", false),
        ] {
            assert_eq!(
                Exceptions::parse(list).contain(host, 9000),
                expected,
                "{list:?} and {host}"
            );
        }
    }
}
