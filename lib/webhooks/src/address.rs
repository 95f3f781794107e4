//! The kinds of addresses that a destination may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{IpNet, Ipv6Net};

/// The kind of an address, by who may be behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressKind {
    /// An address of the internet.
    Public,
    /// This machine, or a private network. Only for hosts that the configuration names.
    Private,
    /// An address that is no destination: metadata of clouds, link-local, multicast, or reserved.
    Never,
}

/// The metadata services of clouds that are not at link-local addresses: AWS by IPv6, Google by IPv6, Azure, Alibaba,
/// Oracle.
const METADATA: [&str; 5] = [
    "fd00:ec2::/32",
    "fd20:ce::/32",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
];

/// The networks of this machine, and private ones.
const PRIVATE: [&str; 7] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
];

/// The networks that are not globally reachable, besides the private ones.
///
/// Source: <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
const RESERVED: [&str; 14] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

/// The unicast addresses of the internet by IPv6.
const GLOBAL_UNICAST: &str = "2000::/3";

/// The prefix of IPv4 addresses behind NAT64 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

struct Networks {
    metadata: Vec<IpNet>,
    private: Vec<IpNet>,
    reserved: Vec<IpNet>,
    global: Ipv6Net,
}

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| {
    let parsed = |list: &[&str]| list.iter().map(|net| net.parse().expect("a network")).collect();
    Networks {
        metadata: parsed(&METADATA),
        private: parsed(&PRIVATE),
        reserved: parsed(&RESERVED),
        global: GLOBAL_UNICAST.parse().expect("a network"),
    }
});

impl AddressKind {
    /// Returns the kind of an address. An IPv6 address that stands for an IPv4 address has the kind of that.
    pub(crate) fn of(address: IpAddr) -> Self {
        let address = match address {
            IpAddr::V6(address) => embedded(address).map_or(IpAddr::V6(address), IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        let in_any = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        let is_global = match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => NETWORKS.global.contains(&address),
        };
        if in_any(&NETWORKS.metadata) || in_any(&NETWORKS.reserved) {
            Self::Never
        } else if in_any(&NETWORKS.private) {
            Self::Private
        } else if is_global {
            Self::Public
        } else {
            Self::Never
        }
    }
}

/// Returns the IPv4 address that an IPv6 address is mapped to, or reaches through NAT64.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = || {
        let [.., a, b, c, d] = address.octets();
        address
            .segments()
            .starts_with(&NAT64)
            .then(|| Ipv4Addr::new(a, b, c, d))
    };
    address.to_ipv4_mapped().or_else(nat64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_private_or_no_destination() {
        for (kind, addresses) in [
            (
                AddressKind::Public,
                &[
                    "1.1.1.1",
                    "93.184.215.14",
                    "172.15.255.255",
                    "172.32.0.1",
                    "100.63.255.255",
                    "100.128.0.1",
                    "2606:4700::1111",
                    "2a00:1450::1",
                    "::ffff:1.1.1.1",
                    "64:ff9b::1.1.1.1",
                ][..],
            ),
            (
                AddressKind::Private,
                &[
                    "127.0.0.1",
                    "127.255.0.1",
                    "10.0.0.1",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "100.64.0.1",
                    "::1",
                    "fc00::1",
                    "fd12:3456::1",
                    "::ffff:127.0.0.1",
                    "::ffff:10.0.0.1",
                    "64:ff9b::192.168.1.1",
                ],
            ),
            (
                AddressKind::Never,
                &[
                    "0.0.0.0",
                    "0.1.2.3",
                    "169.254.169.254",
                    "::ffff:169.254.169.254",
                    "64:ff9b::169.254.169.254",
                    "168.63.129.16",
                    "100.100.100.200",
                    "192.0.0.192",
                    "192.0.0.8",
                    "192.0.2.1",
                    "192.88.99.1",
                    "198.19.0.1",
                    "198.51.100.1",
                    "203.0.113.1",
                    "224.0.0.1",
                    "239.255.255.255",
                    "240.0.0.1",
                    "255.255.255.255",
                    "::",
                    "::127.0.0.1",
                    "::2",
                    "fe80::1",
                    "fec0::1",
                    "ff02::1",
                    "fd00:ec2::254",
                    "fd20:ce::254",
                    "64:ff9b:1::10.0.0.1",
                    "64:ff9b::1:a00:1",
                    "2001::1",
                    "2001:db8::1",
                    "2002:a00:1::1",
                    "3fff::1",
                    "100::1",
                    "5f00::1",
                ],
            ),
        ] {
            for text in addresses {
                assert_eq!(AddressKind::of(text.parse().expect("an address")), kind, "{text}");
            }
        }
    }
}
