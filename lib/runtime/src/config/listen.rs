//! Where the server listens, and which web pages may call it.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::time::Duration;

use draftstore_service::AllowedOrigins;

use super::connections::patience;
use super::errors::Errors;
use super::variables::Values;
use super::{Admin, Listen};

const DEFAULT_HTTP_PORT: u16 = 8080;
const DEFAULT_GRPC_PORT: u16 = 50051;
const DEFAULT_ADMIN_PORT: u16 = 9090;
const DEFAULT_READINESS_INTERVAL: Duration = Duration::from_secs(10);

/// Loopback by default where the store is on loopback too.
pub(super) fn listen(values: &mut Values, errors: &mut Errors, is_embedded: bool) -> Listen {
    let default = if is_embedded {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    let address: Option<IpAddr> = errors.parse("BIND_ADDRESS", values.bind_address.take());
    let listen = Listen {
        address: address.unwrap_or(IpAddr::V4(default)),
        grpc_port: port("GRPC_PORT", &mut values.grpc_port, DEFAULT_GRPC_PORT, errors),
        http_port: port("HTTP_PORT", &mut values.http_port, DEFAULT_HTTP_PORT, errors),
    };
    if listen.grpc_port == listen.http_port && listen.http_port != 0 {
        errors.add("GRPC_PORT: must differ from HTTP_PORT");
    }
    listen
}

/// On loopback, for what is said there is nobody else's business.
pub(super) fn admin(values: &mut Values, errors: &mut Errors, listen: &Listen) -> Admin {
    let is_asked_for = values.admin_port.is_some();
    let address: Option<IpAddr> = errors.parse("ADMIN_BIND_ADDRESS", values.admin_bind_address.take());
    let port = match values.admin_port.as_deref() {
        Some("off") => None,
        _ => Some(port("ADMIN_PORT", &mut values.admin_port, DEFAULT_ADMIN_PORT, errors)),
    };
    if is_asked_for && port.is_some_and(|port| port != 0 && [listen.http_port, listen.grpc_port].contains(&port)) {
        errors.add("ADMIN_PORT: must differ from HTTP_PORT and GRPC_PORT");
    }
    Admin {
        address: address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port,
        is_asked_for,
    }
}

/// How often the server looks whether the store answers.
pub(super) fn readiness_interval(values: &mut Values, errors: &mut Errors) -> Duration {
    let interval = &mut values.readiness_interval;
    patience("READINESS_INTERVAL", interval, DEFAULT_READINESS_INTERVAL, errors)
}

/// The pages that may call it. Those that the server itself serves are not among them: its port may not be known yet.
pub(super) fn origins(values: &mut Values, errors: &mut Errors) -> AllowedOrigins {
    let listed = values.cors_allowed_origins.take().unwrap_or_default();
    errors.take("CORS_ALLOWED_ORIGINS", listed.parse()).unwrap_or_default()
}

/// The variable's port, or the default.
pub(super) fn port(name: &str, value: &mut Option<String>, default: u16, errors: &mut Errors) -> u16 {
    let parsed: Option<Port> = errors.parse(name, value.take());
    parsed.map_or(default, |Port(port)| port)
}

/// A TCP port.
struct Port(u16);

impl FromStr for Port {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be a port, 0 to 65535")
    }
}
