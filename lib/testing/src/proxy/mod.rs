//! A proxy in front of a real store, which injects the faults that a test plans and forwards everything else unchanged.
//!
//! Faults are injected on the wire, so that the client's retries and timeouts are tested as well. The `Host` header is
//! unchanged: requests are signed for the proxy's address, and the store verifies the header it receives.

mod connection;
mod fault;
mod forward;
mod pause;
mod plan;
mod quirk;
mod request;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::StoreEndpoint;

pub use fault::{FaultReply, InjectedError, InjectedFault};
pub use pause::{Moment, Pause};
pub use plan::RequestRange;
pub use quirk::StoreQuirk;
pub use request::{Request, RequestFilter};

use self::plan::{FaultPlan, PlannedAction};

/// The maximum number of connections waiting to be accepted.
const BACKLOG: u32 = 1024;

/// A running proxy. It stops on drop; requests already forwarded to the store are still executed.
///
/// Its methods panic with the reason if the machine has no free port.
#[derive(Debug)]
pub struct FaultProxy {
    store: StoreEndpoint,
    #[expect(
        dead_code,
        reason = "bound and never listening, it keeps the port while the proxy is unreachable"
    )]
    reserved: TcpSocket,
    address: SocketAddr,
    plan: Arc<Mutex<FaultPlan>>,
    /// Stops the current listener.
    listening: Mutex<CancellationToken>,
}

#[expect(clippy::missing_panics_doc, reason = "documented on the type")]
impl FaultProxy {
    /// Starts a proxy without planned faults, which accepts connections when this returns.
    pub fn start(store: &StoreEndpoint) -> Self {
        let reserved = bind((Ipv4Addr::LOCALHOST, 0).into()).expect("loopback has a free port");
        let proxy = Self {
            store: store.clone(),
            address: reserved.local_addr().expect("a bound socket has an address"),
            reserved,
            plan: Arc::default(),
            listening: Mutex::default(),
        };
        proxy.listen();
        proxy
    }

    /// Returns the address of the proxy with the credentials of the store.
    pub fn endpoint(&self) -> StoreEndpoint {
        StoreEndpoint {
            url: format!("http://{}", self.address),
            ..self.store.clone()
        }
    }

    /// Injects a fault into these requests, counted from now on. If plans overlap, the earlier one applies.
    pub fn plan(&self, target: RequestFilter, requests: RequestRange, fault: InjectedFault) {
        self.add(target, requests, PlannedAction::Fail(fault));
    }

    /// Holds the `nth` matching request from now on, until it is released.
    pub fn pause_at(&self, target: RequestFilter, nth: usize, moment: Moment) -> Pause {
        let (pause, hold) = pause::pause(moment);
        self.add(target, RequestRange::only(nth), PlannedAction::Hold(hold));
        pause
    }

    /// Imitates a store with this difference from S3 from now on. Requests that meet a planned fault are not affected.
    pub fn imitate(&self, quirk: StoreQuirk) {
        self.plan.lock().expect("not poisoned").quirks.push(quirk);
    }

    /// Removes all plans, and makes the proxy reachable again.
    pub fn heal(&self) {
        self.plan.lock().expect("not poisoned").clear();
        let unreachable = self.listening.lock().expect("not poisoned").is_cancelled();
        if unreachable {
            self.listen();
        }
    }

    /// Returns all requests in the order of their arrival, whether they met a fault or not.
    pub fn requests(&self) -> Vec<Request> {
        self.plan.lock().expect("not poisoned").log().to_vec()
    }

    /// Returns the number of connections accepted so far.
    pub fn connections(&self) -> usize {
        self.plan.lock().expect("not poisoned").connections
    }

    /// Returns the number of requests that a plan applied to.
    pub fn struck(&self) -> usize {
        self.plan.lock().expect("not poisoned").hits()
    }

    /// Removes the `Date` header of all responses from now on, so that a sweep uses its own clock.
    pub fn hide_clock(&self) {
        self.plan.lock().expect("not poisoned").hides_clock = true;
    }

    fn add(&self, target: RequestFilter, requests: RequestRange, action: PlannedAction) {
        self.plan.lock().expect("not poisoned").add(target, requests, action);
    }

    fn listen(&self) {
        let socket = bind(self.address).expect("the port is reserved");
        let listener = socket.listen(BACKLOG).expect("the port is reserved");
        let shutdown = CancellationToken::new();
        *self.listening.lock().expect("not poisoned") = shutdown.clone();
        let store = self.store.url.trim_start_matches("http://").to_owned();
        let state = connection::ProxyState {
            store: store
                .parse()
                .expect("the URL of a store on loopback is scheme and address"),
            endpoint: self.store.clone(),
            plan: Arc::clone(&self.plan),
            shutdown,
        };
        tokio::spawn(accept(listener, state));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.lock().expect("not poisoned").cancel();
    }
}

/// Binds a socket with address reuse: two sockets may share the port as long as at most one listens.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, state: connection::ProxyState) {
    let shutdown = state.shutdown.clone();
    let connections = async {
        // The connections end with this task.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            state.plan.lock().expect("not poisoned").connections += 1;
            connections.spawn(connection::serve(stream, state.clone()));
            while connections.try_join_next().is_some() {}
        }
    };
    shutdown.run_until_cancelled(connections).await;
}
