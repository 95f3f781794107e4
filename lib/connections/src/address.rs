//! The address of a client, behind trusted proxies.

use std::net::{IpAddr, Ipv6Addr};

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Returns the client's address. `X-Forwarded-For` of a trusted proxy is read from the right, because each proxy appends the
/// address of its peer, and a client may forge everything to the left.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| is_in(address, trusted);
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let mut said = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
    while is_trusted(client) {
        match said.next().and_then(address) {
            Some(before) => client = before,
            None => break,
        }
    }
    client
}

/// Returns true if one of the networks has the address.
pub(super) fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Returns the address that rate limits count: for IPv6 the /64 network, which is what one customer gets.
pub(super) fn counted(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Parses an address, with the port that some proxies add.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let parsed = bare.parse().ok().or_else(with_port);
    parsed.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(peer: &str, said: &[&str], trusted: &[&str]) -> String {
        let headers = said
            .iter()
            .map(|value| (FORWARDED_FOR, value.parse().expect("a value")))
            .collect();
        let trusted: Vec<_> = trusted
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect();
        client(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn forwarded_for_of_untrusted_peers_is_ignored() {
        assert_eq!(ask("1.1.1.1", &["2.2.2.2"], &[]), "1.1.1.1");
        assert_eq!(ask("1.1.1.1", &["2.2.2.2"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(ask("::ffff:1.1.1.1", &["2.2.2.2"], &["::/0"]), "1.1.1.1");
    }

    #[test]
    fn forwarded_for_is_read_from_the_right() {
        let trusted = &["10.0.0.0/8", "fd00::/8"][..];
        for (said, client) in [
            (&["2.2.2.2"][..], "2.2.2.2"),
            (&["9.9.9.9, 2.2.2.2"], "2.2.2.2"),
            (&["9.9.9.9, 2.2.2.2, 10.0.0.2"], "2.2.2.2"),
            (&["9.9.9.9, 2.2.2.2", "10.0.0.2"], "2.2.2.2"),
            (&["2.2.2.2:1234"], "2.2.2.2"),
            (&["[2001:db8::1]:1234"], "2001:db8::1"),
            (&["2001:db8::1, fd00::7"], "2001:db8::1"),
            (&["::ffff:2.2.2.2"], "2.2.2.2"),
            (&["2.2.2.2, nonsense"], "10.0.0.1"),
            (&["2.2.2.2, "], "10.0.0.1"),
            (&["10.0.0.3"], "10.0.0.3"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(ask("10.0.0.1", said, trusted), client, "{said:?}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_network() {
        let of = |text: &str| counted(text.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("1.2.3.4"), "1.2.3.4");
    }
}
