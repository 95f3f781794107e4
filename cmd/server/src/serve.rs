//! The assembly of the server, its start, and its graceful shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use draftstore_auth::Tickets;
use draftstore_connections::{Connections, Ending, Handler, HostRules, Port, Tls, TlsFiles};
use draftstore_controller::rest::{BaseUrl, Site};
use draftstore_controller::{Api, Cors, Gate, GateConfig, Readiness, StoreStatus, grpc, rest};
use draftstore_cronjob::{SweepMetrics, count_usage, sweep_replaced, sweep_transitions};
use draftstore_runtime::{Schedule, on_hangup, on_signal};
use draftstore_service::cleaner::Mode;
use draftstore_service::safety;
use draftstore_service::{
    AllowedOrigins, Cleaner, DraftSettings, Drafts, Policy, Store, SweepSettings, SystemClock, UsageCounter,
};
use draftstore_telemetry::AuditSink;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::access::{Access, PolicyProfiles};
use crate::config::Config;
use crate::metrics::ServerMetrics;
use crate::ports::{GRPC, REST};
use crate::secrets::ServerSecrets;
use crate::store::{StorePort, open};
use crate::webhooks::Webhooks;
use crate::{admin, console, docs, heartbeat, notifier, probe, tickets};

/// The time that requests have to finish after SIGTERM. It is longer than a call to the store, except copies of gigabytes:
/// confirms may take longer, although their callers no longer get a response.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT, and then drains.
///
/// # Errors
/// An error if a component cannot start, or stops unexpectedly.
pub(crate) async fn serve(config: Config, access: Access, audit: Option<AuditSink>) -> anyhow::Result<()> {
    let shutdown_signal = on_signal()?;
    let ending = Ending::default();
    let (scheme, reflects) = (config.scheme(), config.reflects());
    let mut reloaders = JoinSet::new();
    let tls = open_tls(config.tls, &mut reloaders).await?;
    let metrics = Arc::new(ServerMetrics::new(audit.is_some()));
    let store_calls = metrics.store_calls.clone();
    let allowed_hosts = config.server.allowed_hosts.clone().unwrap_or_default();
    let own_hosts = access.policy.is_none().then_some(allowed_hosts);
    let store_port = StorePort {
        limits: config.connections.clone(),
        hosts: own_hosts.clone(),
        created: config.webhook.map(notifier::start),
    };
    let draft_bucket = config.shared.buckets.draft.clone();
    let opened = open(config.store, store_port, &draft_bucket, Some(store_calls)).await?;
    let (storage, embedded) = (opened.storage, opened.embedded);
    config.store_choice.log();
    let store = Store::new(storage.clone(), config.shared.buckets).with_profile(opened.profile);
    let admin = admin::bind(config.admin).await?;
    let http = bind("HTTP_PORT", (config.listen.address, config.listen.http_port).into()).await?;
    let origins = config.drafts.origins.clone().unwrap_or_default();
    let origins = match embedded {
        Some(_) if config.server.console => console::with_own_origins(origins, scheme, http.local_addr()?.port())?,
        Some(_) | None => origins,
    };
    let (tickets, keys) = tickets::open(config.auth.ticket_keys_file, embedded.is_some(), &mut reloaders).await?;
    let secrets = ServerSecrets::new(keys, opened.access_key.or(config.permanent_key));
    let cors = Cors {
        origins: origins.clone(),
        settings: config.cors,
    };
    let policy = config.shared.policy;
    let drafts = Drafts::new(store.clone(), policy, origins.clone(), Arc::new(SystemClock))
        .with_secrets(Arc::new(secrets))
        .with_confirm_limits(config.drafts.confirm_limits())
        .with_check_limits(config.checks)
        .with_observer(metrics.drafts.clone())
        .with_webhooks(Arc::new(Webhooks::new()))
        .with_profiles(Arc::new(PolicyProfiles(access.authenticator.clone())));
    let drafts = publishing(drafts, &access, &config.drafts);

    if embedded.is_some() {
        (drafts.create_buckets().await).context("cannot create the embedded store's buckets")?;
    }
    let readiness = readiness(&store, &opened.name, config.shared.require_safe_store).await?;

    let delay = config.server.shutdown_delay;
    let _draining = drain_on_signal(shutdown_signal, ending.clone(), readiness.clone(), delay);

    let mut tasks = JoinSet::new();
    if embedded.is_some() {
        let sweeping = sweeping(policy, config.shared.sweep, store.clone(), drafts.clone());
        let schedule = config.shared.schedule.cleanup.unwrap_or_else(Schedule::every_minute);
        let sweeps = SweepMetrics::new(metrics.metrics());
        tasks.spawn(sweep(schedule, sweeping, sweeps, ending.end.clone()));
    }

    let hosts = own_hosts.map(|hosts| host_rules(hosts, origins.clone()));
    let mut gate = config.requests;
    gate.stopped = ending.end.clone();
    let audit_failures = metrics.audit_failures();
    if let Some(audit) = audit.inspect(|audit| audit.count_failures(audit_failures)) {
        audited(&mut gate, audit, config.audit.required, &mut reloaders)?;
    }
    let gate = gated(access, tickets, gate, &mut reloaders)?;
    let api = Api::new(drafts.clone(), gate.clone());
    let site = site(&api, &drafts, config.server.console, BaseUrl::new(scheme)).with_hooks(config.hooks);
    let rest = rest::service(api.clone(), gate.clone(), readiness.clone(), site);
    let rest = Handler::new(rest::handler(rest, &cors));
    let connections = Connections::new(config.connections.clone(), tls).with_host_rules(hosts.clone());
    let connections_of = |port| observed(connections.clone(), port, &metrics, config.shared.traces.is_some());
    let http_address = listen(&mut tasks, connections_of(REST), http, rest, &ending)?;
    let grpc_listener = bind("GRPC_PORT", (config.listen.address, config.listen.grpc_port).into()).await?;
    let grpc = grpc::service(api, gate.clone(), readiness.clone(), reflects).await?;
    let grpc = Handler::new(grpc::handler(grpc, &cors));
    let grpc_address = listen(&mut tasks, connections_of(GRPC), grpc_listener, grpc, &ending)?;
    let admin_handler = admin::handler(gate, metrics, readiness.clone(), storage.clone(), drafts.clone());
    let (_admin, admin_address) = admin::serve(admin, config.connections, hosts, admin_handler)?;
    readiness.set_credentials_live(storage.renew_credentials(SystemTime::now()).await.live());
    let _probing = first_probe(&store, &opened.name, &readiness, &ending.end).await;
    let reason = config.store_choice.reason;
    if readiness.is_ready() {
        tracing::info!(http = %http_address, grpc = %grpc_address, admin = admin_address, store = opened.name, reason, "ready");
    } else {
        tracing::warn!(http = %http_address, grpc = %grpc_address, admin = admin_address, store = opened.name, reason, "not ready");
    }
    let heartbeat = heartbeat::Heartbeat {
        storage,
        buckets: store.buckets,
        clients: embedded.as_ref().map(|embedded| embedded.connections().clone()),
        readiness,
    };
    let _heartbeat = AbortOnDropHandle::new(tokio::spawn(heartbeat.run(config.server.readiness_interval)));
    tasks.spawn(deliver_events(drafts.clone(), ending.end.clone()));

    let ended = wait_for_tasks(&mut tasks, &ending.end).await;
    drain(&drafts, config.drafts.confirm_timeout).await;
    if let Some(embedded) = embedded {
        embedded.shutdown().await;
    }
    ended
}

/// Sends events to the webhooks of the policy, and keeps them in the feed if that is configured.
fn publishing(drafts: Drafts, access: &Access, settings: &DraftSettings) -> Drafts {
    let drafts = drafts.with_endpoints(Arc::new(access.authenticator.clone()));
    if settings.events_feed {
        drafts.with_feed()
    } else {
        drafts
    }
}

/// Creates the readiness. With `require_safe`, probes a store that is not known, which must honour every condition.
async fn readiness(store: &Store, name: &str, require_safe: bool) -> anyhow::Result<Readiness> {
    let readiness = Readiness::new(store.profile.clone());
    let mut is_known = store.profile.probed().is_some();
    if require_safe && !is_known {
        let safe = safety::require_safe(store).await;
        safe.with_context(|| format!("the store at {name} cannot be used"))?;
        is_known = true;
    }
    if is_known {
        readiness.set_store_status(StoreStatus::Probed);
    }
    Ok(readiness)
}

/// Probes a store that has not been probed yet, unless the server stops meanwhile.
async fn first_probe(
    store: &Store,
    endpoint: &str,
    readiness: &Readiness,
    end: &CancellationToken,
) -> Option<AbortOnDropHandle<()>> {
    if store.profile.probed().is_some() {
        return None;
    }
    tokio::select! {
        probing = probe::begin(store.clone(), endpoint.to_owned(), readiness.clone()) => Some(probing),
        () = end.cancelled() => None,
    }
}

/// Returns the rules for the hosts and origins of requests to a server without authentication.
fn host_rules(hosts: Vec<String>, origins: AllowedOrigins) -> HostRules {
    HostRules::new(hosts).with_origins(move |origin| origins.allows(origin))
}

/// Returns the cleaner of a server that sweeps by itself, and the counter of what it leaves.
fn sweeping(policy: Policy, sweep: SweepSettings, store: Store, drafts: Drafts) -> (Cleaner, UsageCounter) {
    let SweepSettings { brakes, slice, usage } = sweep;
    let clock = Arc::new(SystemClock);
    let counter = UsageCounter::new(store.clone(), slice, usage, clock.clone());
    let cleaner = Cleaner::new(store, policy, brakes, clock);
    (cleaner.of_slice(slice).beside(drafts), counter)
}

/// Counts the connections and requests of a port, and traces the requests.
fn observed(connections: Connections, port: Port, metrics: &ServerMetrics, has_traces: bool) -> Connections {
    let connections = connections.counted(port, metrics.traffic.clone());
    if has_traces {
        connections.traced(port)
    } else {
        connections
    }
}

/// Audits every request. With `required`, requests are refused while the audit log cannot be written.
fn audited(gate: &mut GateConfig, audit: AuditSink, required: bool, reloaders: &mut JoinSet<()>) -> anyhow::Result<()> {
    gate.audit = true;
    gate.audit_failing = required.then(|| audit.is_failing());
    reloaders.spawn(audit.run(on_hangup()?));
    Ok(())
}

/// Creates the gate, and reloads the policy when its files change.
fn gated(access: Access, tickets: Tickets, config: GateConfig, reloaders: &mut JoinSet<()>) -> anyhow::Result<Gate> {
    if let Some(policy) = access.policy {
        reloaders.spawn(policy.run(on_hangup()?));
    }
    Ok(Gate::new(access.authenticator.with_tickets(tickets), config))
}

/// Loads the certificate, and reloads it when its files change.
async fn open_tls(files: Option<TlsFiles>, reloaders: &mut JoinSet<()>) -> anyhow::Result<Option<Tls>> {
    let Some(files) = files else {
        return Ok(None);
    };
    let (tls, certificate) = Tls::open(files).await?;
    reloaders.spawn(certificate.run(on_hangup()?));
    Ok(Some(tls))
}

/// Returns the pages of the REST port.
fn site(api: &Api, drafts: &Drafts, with_console: bool, base_url: BaseUrl) -> Site {
    let docs = docs::router(api.clone(), with_console, base_url);
    let pages = if with_console {
        docs.merge(console::router(drafts.clone()))
    } else {
        docs
    };
    Site::new(pages, base_url)
}

/// Makes the server not ready at the signal, and stops it after the delay. During the delay it still serves clients that have
/// not noticed yet.
fn drain_on_signal(
    shutdown_signal: CancellationToken,
    ending: Ending,
    readiness: Readiness,
    delay: Duration,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        shutdown_signal.cancelled().await;
        readiness.drain();
        ending.draining.cancel();
        if !delay.is_zero() {
            tracing::info!(delay_s = delay.as_secs(), "draining");
            sleep(delay).await;
        }
        ending.end.cancel();
    }))
}

/// Delivers stored events until the server ends.
async fn deliver_events(drafts: Drafts, end: CancellationToken) -> anyhow::Result<()> {
    end.run_until_cancelled(drafts.deliver_events()).await;
    Ok(())
}

/// Waits for the first task to end, by SIGTERM or by a failure, and then for the others, with a timeout.
async fn wait_for_tasks(tasks: &mut JoinSet<anyhow::Result<()>>, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut ended = match tasks.join_next().await {
        Some(task) => task_result(task),
        None => Ok(()),
    };
    shutdown.cancel();
    let rest = async {
        while let Some(task) = tasks.join_next().await {
            ended = std::mem::replace(&mut ended, Ok(())).and(task_result(task));
        }
        anyhow::Ok(())
    };
    if let Ok(joined) = timeout(DRAIN_TIMEOUT, rest).await {
        joined?;
    } else {
        tracing::warn!(timeout_s = DRAIN_TIMEOUT.as_secs(), "requests cancelled at shutdown");
    }
    ended
}

/// Returns the result of a task. The message of a panic is dropped, because it may contain secrets.
fn task_result(task: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    task.unwrap_or_else(|error| {
        ensure!(!error.is_panic(), "a task panicked");
        Err(error.into())
    })
}

/// Waits for confirms whose callers have disconnected or timed out. A retry completes a confirm that is cancelled.
async fn drain(drafts: &Drafts, longest: Duration) {
    if timeout(longest, drafts.drain()).await.is_err() {
        tracing::warn!(timeout_s = longest.as_secs(), "confirms cancelled at shutdown");
    }
}

async fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: set {variable} to a free port"))
}

fn listen(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    connections: Connections,
    listener: TcpListener,
    handler: Handler,
    ending: &Ending,
) -> anyhow::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let serving = connections.serve(listener, handler, ending.clone());
    tasks.spawn(async move {
        serving.await;
        Ok(())
    });
    Ok(address)
}

async fn sweep(
    schedule: Schedule,
    (cleaner, counter): (Cleaner, UsageCounter),
    sweeps: SweepMetrics,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let sweeper = Arc::new((cleaner, counter, sweeps));
    let sweep = move || {
        let sweeper = Arc::clone(&sweeper);
        async move {
            let (cleaner, counter, sweeps) = &*sweeper;
            let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await;
            let summary = swept.as_ref().unwrap_or_else(|stopped| &stopped.summary);
            sweeps.ended(summary, swept.is_ok(), SystemTime::now());
            match swept {
                Ok(summary) if summary.brake.is_some() => tracing::warn!(%summary, "sweep stopped by a brake"),
                Ok(summary) if summary.expired > 0 => tracing::info!(%summary, "sweep finished"),
                Ok(summary) => tracing::debug!(%summary, "sweep finished"),
                Err(error) => return tracing::error!(error = &error as &dyn std::error::Error, "sweep failed"),
            }
            // Errors are logged, and the next sweep continues.
            let _ = sweep_replaced(cleaner, Mode::Delete, &mut |_| {}).await;
            let _ = sweep_transitions(cleaner, Mode::Delete, &mut |_, _| {}, sweeps).await;
            count_usage(counter, sweeps).await;
        }
    };
    schedule.run(shutdown, sweep).await?;
    Ok(())
}
