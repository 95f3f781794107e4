//! A proxy in front of a real store that lets everything through as it came, but for what a test has planned.
//!
//! What goes wrong here goes wrong on the wire, so that the client's own retries and time-outs are under test as well.
//! The `Host` header is left as it is: requests are signed for the proxy's address, and the store verifies what it reads.

mod connection;
mod fault;
mod forward;
mod pause;
mod plan;
mod request;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::Endpoint;

pub use fault::{Fault, Reply, StoreError};
pub use pause::{Moment, Pause};
pub use plan::Requests;
pub use request::{Request, Target};

use self::plan::{Act, Plan};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// The proxy. It ends when this is dropped; what it has passed on to the store is done all the same.
///
/// Its methods panic, saying why, when the machine has no port for it.
#[derive(Debug)]
pub struct FaultProxy {
    store: Endpoint,
    #[expect(
        dead_code,
        reason = "bound and never listening, it keeps the port while the proxy is out of reach"
    )]
    reserved: TcpSocket,
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    /// Ends the listener of this moment.
    listening: Mutex<CancellationToken>,
}

#[expect(clippy::missing_panics_doc, reason = "said of the whole type")]
impl FaultProxy {
    /// Starts one with nothing planned; it answers when this returns.
    pub fn start(store: &Endpoint) -> Self {
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

    /// The store, by way of the proxy.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: format!("http://{}", self.address),
            ..self.store.clone()
        }
    }

    /// Has the fault happen to these requests, counted from now on. Where plans overlap the earlier one holds.
    pub fn plan(&self, target: Target, requests: Requests, fault: Fault) {
        self.add(target, requests, Act::Fail(fault));
    }

    /// Holds the `nth` such request from now on, until it is let go.
    pub fn pause_at(&self, target: Target, nth: usize, moment: Moment) -> Pause {
        let (pause, hold) = pause::pause(moment);
        self.add(target, Requests::only(nth), Act::Hold(hold));
        pause
    }

    /// Forgets what was planned, and is in reach again.
    pub fn heal(&self) {
        self.plan.lock().expect("not poisoned").clear();
        let out_of_reach = self.listening.lock().expect("not poisoned").is_cancelled();
        if out_of_reach {
            self.listen();
        }
    }

    /// What was asked for, in the order in which it came, whatever became of it.
    pub fn requests(&self) -> Vec<Request> {
        self.plan.lock().expect("not poisoned").log().to_vec()
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.plan.lock().expect("not poisoned").connections
    }

    /// How many requests met what was planned for them.
    pub fn struck(&self) -> usize {
        self.plan.lock().expect("not poisoned").struck()
    }

    /// From now on answers tell no time, so that a cleaner judges by its own clock.
    pub fn hide_clock(&self) {
        self.plan.lock().expect("not poisoned").hides_clock = true;
    }

    fn add(&self, target: Target, requests: Requests, act: Act) {
        self.plan.lock().expect("not poisoned").add(target, requests, act);
    }

    fn listen(&self) {
        let socket = bind(self.address).expect("the port is reserved");
        let listener = socket.listen(BACKLOG).expect("the port is reserved");
        let until = CancellationToken::new();
        *self.listening.lock().expect("not poisoned") = until.clone();
        let store = self.store.url.trim_start_matches("http://").to_owned();
        let serving = connection::Serving {
            store: store
                .parse()
                .expect("the URL of a store on loopback is scheme and address"),
            plan: Arc::clone(&self.plan),
            until,
        };
        tokio::spawn(accept(listener, serving));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.lock().expect("not poisoned").cancel();
    }
}

/// Two sockets may have the port at once, as long as one listens at most.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, serving: connection::Serving) {
    let until = serving.until.clone();
    let connections = async {
        // They end with this task.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            serving.plan.lock().expect("not poisoned").connections += 1;
            connections.spawn(connection::serve(stream, serving.clone()));
            while connections.try_join_next().is_some() {}
        }
    };
    until.run_until_cancelled(connections).await;
}
