//! The configuration of the server: its own settings, and those of the crates that it uses.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use draftstore_auth::{Auth, AuthSettings};
use draftstore_config::{Environment, Invalid, InvalidConfig, ProgramSettings, Settings as _, parse, settings};
use draftstore_connections::{ConnectionLimits, TlsFiles};
use draftstore_controller::rest::HookSettings;
use draftstore_controller::{CorsSettings, GateConfig};
use draftstore_cronjob::{ConfiguredStore, SharedConfig};
use draftstore_embedded::EmbeddedSettings;
use draftstore_runtime::ScheduleSettings;
use draftstore_s3::{StaticCredentials, StoreChoice, StoreConfig};
use draftstore_service::draft::CheckLimits;
use draftstore_service::safety::SafetySettings;
use draftstore_service::{Buckets, CheckVariables, DraftSettings, PolicySettings, SweepSettings};
use draftstore_telemetry::logging::LogSettings;
use draftstore_telemetry::traces::TraceSettings;
use draftstore_telemetry::{AuditLog, AuditSettings};

use crate::notifier::WebhookSettings;

settings! {
    /// The addresses of the ports, as they are configured.
    #[derive(Debug)]
    struct ListenSettings in "Server" {
        /// The IP address of both ports.
        address: Option<IpAddr> = "BIND_ADDRESS", unset "127.0.0.1 with the embedded store, else 0.0.0.0", str::parse;
        /// The port of REST; 0 takes a free one.
        http_port: u16 = "HTTP_PORT", default "8080", parse::port;
        /// The port of gRPC; 0 takes a free one.
        grpc_port: u16 = "GRPC_PORT", default "50051", parse::port;
        /// The port of metrics and health; 0 takes a free one, `off` disables it.
        admin_port: Option<AdminPort> = "ADMIN_PORT", unset "9090, if it is free", admin_port;
        /// The IP address of that port.
        admin_address: IpAddr = "ADMIN_BIND_ADDRESS", default "127.0.0.1", str::parse;
    }
}

settings! {
    /// The settings of the server itself.
    #[derive(Debug, Clone)]
    pub(crate) struct ServerSettings in "Server" {
        /// The names by which a server with `AUTH=none` may be called, with commas between. `localhost` and IP addresses always may.
        pub(crate) allowed_hosts: Option<Vec<String>> = "ALLOWED_HOSTS", unset "none", hosts;
        /// The reflection of gRPC, `on` or `off`.
        reflection: Option<bool> = "GRPC_REFLECTION", unset "`on` on loopback, else `off`", parse::on_off;
        /// Seconds between two checks of the store. After three failed ones the server is not ready.
        pub(crate) readiness_interval: Duration = "READINESS_INTERVAL", default "10", parse::timeout;
        /// Seconds after SIGTERM in which the server is not ready, and still serves every request.
        pub(crate) shutdown_delay: Duration = "SHUTDOWN_DELAY", default "0", parse::seconds;
        /// The web console on the REST port, `on` or `off`.
        pub(crate) console: bool = "CONSOLE", default "on", parse::on_off;
    }
}

/// The settings of the server, in the order of the reference page.
pub(crate) const SERVER: ProgramSettings = ProgramSettings {
    name: "server",
    sections: &[
        StoreConfig::SECTIONS[0],
        StoreConfig::SECTIONS[1],
        StoreConfig::SECTIONS[2],
        StoreConfig::SECTIONS[3],
        SafetySettings::SECTION,
        EmbeddedSettings::SECTION,
        WebhookSettings::SECTION,
        Buckets::SECTION,
        PolicySettings::SECTION,
        DraftSettings::SECTION,
        CheckVariables::SECTION,
        ListenSettings::SECTION,
        ServerSettings::SECTION,
        AuthSettings::SECTION,
        TlsFiles::SECTION,
        ConnectionLimits::SECTION,
        GateConfig::SECTION,
        CorsSettings::SECTION,
        HookSettings::SECTION,
        SweepSettings::SECTIONS[0],
        SweepSettings::SECTIONS[1],
        SweepSettings::SECTIONS[2],
        ScheduleSettings::SECTION,
        LogSettings::SECTION,
        AuditSettings::SECTION,
        TraceSettings::SECTIONS[0],
        TraceSettings::SECTIONS[1],
    ],
};

/// The configuration of the server.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) store: ConfiguredStore,
    pub(crate) store_choice: StoreChoice,
    /// The permanent access key of the store, if one is configured.
    pub(crate) permanent_key: Option<StaticCredentials>,
    pub(crate) shared: SharedConfig,
    pub(crate) drafts: DraftSettings,
    pub(crate) checks: CheckLimits,
    pub(crate) server: ServerSettings,
    pub(crate) listen: Listen,
    pub(crate) admin: Admin,
    pub(crate) auth: AuthSettings,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) connections: ConnectionLimits,
    pub(crate) requests: GateConfig,
    pub(crate) cors: CorsSettings,
    pub(crate) hooks: HookSettings,
    /// The webhook of the embedded store.
    pub(crate) webhook: Option<WebhookSettings>,
    pub(crate) audit: AuditSettings,
}

/// The addresses of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) address: IpAddr,
    pub(crate) grpc_port: u16,
    pub(crate) http_port: u16,
}

/// The address of metrics and health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admin {
    pub(crate) address: IpAddr,
    /// The port; `None` if it is off.
    pub(crate) port: Option<u16>,
    /// Makes a port that is in use an error. True if the port was configured.
    pub(crate) is_required: bool,
}

/// The value of `ADMIN_PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AdminPort {
    Off,
    At(u16),
}

const DEFAULT_ADMIN_PORT: u16 = 9090;

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// [`InvalidConfig`] with every invalid variable.
    pub(crate) fn load(mut environment: Environment) -> Result<Self, InvalidConfig> {
        let config = Self::loaded(&mut environment);
        environment.finish(config)
    }

    /// Loads every section before the first `?`, so that all errors are reported.
    fn loaded(environment: &mut Environment) -> Result<Self, Invalid> {
        let store = ConfiguredStore::load(environment);
        let shared = SharedConfig::load(environment, SERVER);
        let drafts = environment.load();
        let checks = CheckVariables::limits(environment);
        let listen: Result<ListenSettings, _> = environment.load();
        let server = environment.load();
        let auth = AuthSettings::load(environment);
        let tls = TlsFiles::load(environment);
        let connections = environment.load();
        let requests = GateConfig::load(environment);
        let cors = environment.load();
        let hooks = HookSettings::load(environment);
        let webhook = WebhookSettings::load(environment);
        let audit = environment.load();
        let embedded = store.as_ref().ok().and_then(|(_, embedded)| embedded.as_ref());
        let ports = listen.and_then(|listen| listen.ports(environment, embedded));

        let ((store, embedded), (listen, admin)) = (store?, ports?);
        if let Some(embedded) = &embedded
            && embedded.address.is_unspecified()
            && store.client.public_endpoint.is_none()
        {
            let rule = "must be the URL by which clients reach the embedded store, because EMBEDDED_BIND_ADDRESS is no \
                        address that a URL could have";
            return environment.reject("S3_PUBLIC_ENDPOINT", rule);
        }
        let audit: AuditSettings = audit?;
        if audit.required && audit.log == AuditLog::Off {
            return environment.reject("AUDIT_LOG", "must not be 'off', because AUDIT_REQUIRED is true");
        }
        Ok(Self {
            store: ConfiguredStore::new(store.client, embedded),
            store_choice: store.choice,
            permanent_key: store.permanent_key,
            shared: shared?,
            drafts: drafts?,
            checks: checks?,
            server: server?,
            listen,
            admin,
            auth: auth?,
            tls: tls?,
            connections: connections?,
            requests: requests?,
            cors: cors?,
            hooks: hooks?,
            webhook: webhook?,
            audit,
        })
    }

    /// Returns true if the gRPC port describes its calls to everybody.
    pub(crate) fn reflects(&self) -> bool {
        let is_local = self.listen.address.is_loopback();
        self.server.reflection.unwrap_or(is_local)
    }

    /// Returns the scheme of the server's URLs.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Returns the authentication of the server.
    ///
    /// # Errors
    /// [`InvalidConfig`] with everything that keeps this server from serving: it would be reachable from other machines without
    /// authentication and without `AUTH=none`, `AUTH` has mtls without authorities for client certificates, or there is no
    /// secret that outlives the server and that all replicas have.
    pub(crate) fn authentication(&self) -> Result<Auth, InvalidConfig> {
        let mut errors = Environment::default();
        let needs_certificates = matches!(&self.auth.auth, Some(Auth::Required { methods, .. }) if methods.mtls);
        let sees_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        let auth = match &self.auth.auth {
            Some(_) if needs_certificates && !sees_certificates => {
                let rule = "must be set to the authorities of client certificates, because AUTH has mtls";
                errors.reject("TLS_CLIENT_CA_FILE", rule)
            }
            Some(auth) => Ok(auth.clone()),
            None if self.open_address().is_none() => Ok(Auth::None),
            None => errors.reject("AUTH", self.auth_rule()),
        };
        let secret = if self.has_lasting_secret() {
            Ok(())
        } else {
            let embedded = self.embedded_instead();
            let rule = format!(
                "must be set, because AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not, or have a session token: set \
                 {embedded}it to a file with a key that `draftstore-server key ticket` makes, the same for every replica. It \
                 protects upload IDs, page tokens and the markers in main"
            );
            errors.reject("TICKET_KEYS_FILE", rule)
        };
        errors.finish(secret.and(auth))
    }

    /// Returns true if there is a file of keys or a permanent access key.
    fn has_lasting_secret(&self) -> bool {
        let is_embedded = matches!(self.store, ConfiguredStore::Embedded(..));
        is_embedded || self.permanent_key.is_some() || self.auth.ticket_keys_file.is_some()
    }
}

impl Config {
    /// Returns the address that other machines can reach, of the server or of the embedded store, if there is one.
    fn open_address(&self) -> Option<IpAddr> {
        let store = match &self.store {
            ConfiguredStore::Embedded(embedded, _) => Some(embedded.address),
            ConfiguredStore::S3(_) => None,
        };
        let mut addresses = [Some(self.listen.address), store].into_iter().flatten();
        addresses.find(|address| !address.is_loopback())
    }

    /// Returns the remedy of using the embedded store, if the user may not have chosen S3.
    fn embedded_instead(&self) -> String {
        if self.store_choice.is_guess {
            format!(
                "STORAGE_TYPE=embedded to use the embedded store instead of S3, which was chosen because {}, or ",
                self.store_choice.reason
            )
        } else {
            String::new()
        }
    }

    /// Returns the rule that `AUTH` breaks. The first remedy does not use S3, if the user may not have chosen it.
    fn auth_rule(&self) -> String {
        let embedded = self.embedded_instead();
        format!(
            "must be set, because the server listens on {}, which other machines can reach: set {embedded}AUTH=api-key and \
             POLICY_FILE to a file of callers (`draftstore-server key new` generates a key), or BIND_ADDRESS=127.0.0.1, \
             or AUTH=none to allow every call without authentication",
            self.open_address().unwrap_or(self.listen.address)
        )
    }
}

impl ListenSettings {
    /// Returns the addresses of the ports, which must differ. The default is loopback with the embedded store.
    fn ports(
        &self,
        environment: &mut Environment,
        embedded: Option<&EmbeddedSettings>,
    ) -> Result<(Listen, Admin), Invalid> {
        let default = match embedded {
            Some(_) => Ipv4Addr::LOCALHOST,
            None => Ipv4Addr::UNSPECIFIED,
        };
        let listen = Listen {
            address: self.address.unwrap_or(IpAddr::V4(default)),
            grpc_port: self.grpc_port,
            http_port: self.http_port,
        };
        let is_taken = |port: u16| port != 0 && [listen.http_port, listen.grpc_port].contains(&port);
        let admin = Admin {
            address: self.admin_address,
            port: match self.admin_port {
                Some(AdminPort::Off) => None,
                Some(AdminPort::At(port)) => Some(port),
                None => Some(DEFAULT_ADMIN_PORT).filter(|port| !is_taken(*port)),
            },
            is_required: self.admin_port.is_some(),
        };
        let mut valid = Ok(());
        if listen.grpc_port == listen.http_port && listen.http_port != 0 {
            valid = environment.reject("GRPC_PORT", "must differ from HTTP_PORT");
        }
        if embedded.is_some_and(|embedded| is_taken(embedded.port)) {
            valid = environment.reject("EMBEDDED_PORT", "must differ from HTTP_PORT and GRPC_PORT");
        }
        if admin.is_required && admin.port.is_some_and(is_taken) {
            valid = environment.reject("ADMIN_PORT", "must differ from HTTP_PORT and GRPC_PORT");
        }
        valid.map(|()| (listen, admin))
    }
}

fn admin_port(text: &str) -> Result<AdminPort, &'static str> {
    if text == "off" {
        return Ok(AdminPort::Off);
    }
    parse::port(text).map(AdminPort::At)
}

fn hosts(text: &str) -> Result<Vec<String>, String> {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let names = text.split(',').map(|name| name.trim().to_owned());
    let rule = |name| format!("must be host names without ports, with commas between: {name:?} is none");
    names
        .map(|name| if is_name(&name) { Ok(name) } else { Err(rule(name)) })
        .collect()
}
