//! The address of a daemon.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// The address of a daemon: `HOST:PORT`, or `unix:` and an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// A host and a port.
    Tcp(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// An address that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the address of a daemon: it must be HOST:PORT or unix:/PATH")]
pub struct InvalidAddress(String);

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            let absolute = path.starts_with('/') && path.len() > 1;
            return absolute.then(|| Self::Unix(path.into())).ok_or_else(invalid);
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let bare = host.starts_with('[') && host.ends_with(']') || !host.contains(':');
        let valid = !host.is_empty() && bare && !host.contains(|c: char| c.is_whitespace() || c == '/');
        let port = port.parse::<u16>().is_ok_and(|port| port != 0);
        (valid && port).then(|| Self::Tcp(text.to_owned())).ok_or_else(invalid)
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_a_port_or_a_socket() {
        for text in [
            "clamd:3310",
            "127.0.0.1:3310",
            "[::1]:3310",
            "unix:/run/clamav/clamd.ctl",
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "clamd",
            "clamd:",
            "clamd:0",
            ":3310",
            "::1:3310",
            "unix:",
            "unix:clamd",
            "http://clamd:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
