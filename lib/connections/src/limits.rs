//! The limits of connections, and of what their clients may use together.

use std::net::IpAddr;
use std::time::Duration;

use draftstore_config::{parse, settings};
use ipnet::IpNet;

use super::rate_limiter::Quota;

/// The smallest memory for requests, in bytes: the share of one address must have room for the largest request.
const MIN_REQUEST_MEMORY: usize = 8 * 1024 * 1024;

settings! {
    /// The limits of connections, for the ports of REST and gRPC together.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ConnectionLimits in "Connections" {
        /// Seconds for a TLS handshake, for the head of a request, and for the answer to an HTTP/2 ping.
        pub header_timeout: Duration = "HEADER_TIMEOUT", default "10", parse::timeout;
        /// Seconds after which a client that does not read is disconnected.
        pub write_timeout: Duration = "WRITE_TIMEOUT", default "30", parse::timeout;
        // Longer than the 60 seconds of most load balancers, which must not reuse a connection that is being closed.
        /// Seconds that a connection is kept without a request.
        pub idle_timeout: Duration = "IDLE_TIMEOUT", default "75", parse::timeout;
        // Each takes a descriptor, and some tens of KiB while it is busy.
        /// The maximum number of connections to both ports together. Beyond it, the oldest one that has never been authenticated is closed.
        pub max_connections: usize = "MAX_CONNECTIONS", default "4096", parse::count;
        /// The maximum number of connections of each IP address (of each /64 in IPv6), and of its requests in progress. Trusted proxies have no limit of connections.
        pub max_connections_per_address: usize = "MAX_CONNECTIONS_PER_ADDRESS", default "1024", parse::count;
        // Bodies, which are mostly small, and heads.
        /// The maximum number of bytes of requests that are held in memory at once; each IP address and each caller may use a quarter of it.
        pub request_memory: usize = "MAX_REQUEST_MEMORY", default "67108864", request_memory;
        /// The rate limit of each IP address (of each /64 in IPv6), for every request, before authentication; `off`: no limit.
        pub address_rate: Option<Quota> = "ADDRESS_RATE_LIMIT", default "100000/10", Quota::or_off;
        /// The IP addresses and networks of proxies whose `X-Forwarded-For` is trusted, with commas between.
        pub trusted_proxies: Option<Networks> = "TRUSTED_PROXIES", unset "none", networks;
    }
}

impl ConnectionLimits {
    pub(super) fn proxies(&self) -> &[IpNet] {
        self.trusted_proxies.as_deref().unwrap_or_default()
    }
}

type Networks = Vec<IpNet>;

fn request_memory(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok().filter(|bytes| *bytes >= MIN_REQUEST_MEMORY);
    bytes.ok_or_else(|| format!("must be a whole number of bytes, at least {MIN_REQUEST_MEMORY}"))
}

fn networks(text: &str) -> Result<Networks, String> {
    let network = |text: &str| {
        let text = text.trim();
        let address = || text.parse().map(|address: IpAddr| IpNet::from(address));
        text.parse().or_else(|_| address()).map_err(|_| {
            format!("must be IP addresses and networks as in '10.0.0.0/8', with commas between: {text:?} is neither")
        })
    };
    text.split(',').map(network).collect()
}

#[cfg(test)]
mod tests {
    use draftstore_config::Environment;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<ConnectionLimits, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let limits = environment.load();
        environment.finish(limits).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_of_addresses_are_read() {
        let limits = load(&[
            ("ADDRESS_RATE_LIMIT", "1/86400"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,fd00::/8"),
        ])
        .expect("valid");
        assert_eq!(limits.address_rate, "1/86400".parse().ok());
        let proxies: Vec<_> = limits.proxies().iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        assert_eq!(
            load(&[("ADDRESS_RATE_LIMIT", "off")]).expect("valid").address_rate,
            None
        );
        for (variable, wrong) in [
            ("ADDRESS_RATE_LIMIT", "0/1"),
            ("MAX_REQUEST_MEMORY", "1"),
            ("MAX_CONNECTIONS_PER_ADDRESS", "0"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
            ("TRUSTED_PROXIES", "proxy"),
            ("TRUSTED_PROXIES", "10.0.0.1,"),
        ] {
            let error = load(&[(variable, wrong)]).expect_err("refused");
            assert!(error.contains(&format!("{variable}:")), "{error}");
        }
    }
}
