//! The clients of a server's ports, counted by IP address: connections, requests in progress, memory and rate. Memory is
//! counted by caller too, once a request is authenticated.
//!
//! A connection counts as a stranger's until one of its requests has been authenticated. Where connections are scarce,
//! the oldest strangers make room.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use hyper::HeaderMap;
use tokio_util::sync::CancellationToken;

use super::address;
use super::arrival::PortRefusal;
use super::limits::ConnectionLimits;
use super::rate_limiter::RateLimiter;
use super::traffic::{ADDRESS_CONNECTIONS, CONNECTIONS};

/// The share of the memory for requests that one address or one caller may use: this fraction of all of it.
const MEMORY_SHARE: usize = 4;

/// The share of an address's requests in progress that may be streams: this fraction of all of them.
const STREAM_SHARE: usize = 8;

/// The bytes of each request that do not count: enough for a small call. An address whose share is taken by large requests can
/// still send small ones, which its number of requests in progress limits.
const UNCOUNTED_BYTES: usize = 8 * 1024;

/// The clients of ports that share their limits. Clones share the counts.
#[derive(Debug, Clone)]
pub(super) struct Clients(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    rate: Option<RateLimiter<IpAddr>>,
    /// The bytes of requests that are held in memory.
    memory: AtomicUsize,
    table: Mutex<Table>,
    /// The bytes of requests that are held in memory for each caller.
    callers: Mutex<HashMap<String, Arc<AtomicUsize>>>,
}

#[derive(Debug, Default)]
struct Table {
    connections: usize,
    next: u64,
    addresses: HashMap<IpAddr, Address>,
    /// The connections without an authenticated request, the oldest first.
    strangers: BTreeMap<u64, Arc<ConnectionState>>,
}

#[derive(Debug, Default)]
struct Address {
    usage: Arc<Usage>,
    connections: usize,
    /// The numbers of its connections without an authenticated request.
    strangers: BTreeSet<u64>,
}

/// The requests of one address that are in progress.
#[derive(Debug, Default)]
struct Usage {
    requests: AtomicUsize,
    streams: AtomicUsize,
    memory: AtomicUsize,
}

#[derive(Debug)]
struct ConnectionState {
    number: u64,
    /// The counted address.
    network: IpAddr,
    is_known: AtomicBool,
    is_counted: AtomicBool,
    closed: CancellationToken,
}

impl Clients {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Shared {
            rate: limits.address_rate.map(|quota| RateLimiter::new("address", quota)),
            limits,
            memory: AtomicUsize::new(0),
            table: Mutex::default(),
            callers: Mutex::default(),
        }))
    }

    /// Returns `true` if no connection can be opened: all are taken, by clients with an authenticated request.
    pub(super) fn is_full(&self) -> bool {
        let table = self.table();
        table.connections >= self.0.limits.max_connections && table.strangers.is_empty()
    }

    /// Counts a new connection. If its address or the port has no room, the oldest connection without an authenticated
    /// request is closed for it.
    ///
    /// # Errors
    /// The name of the limit, if all connections are authenticated.
    pub(super) fn open(&self, peer: SocketAddr) -> Result<OpenConnection, &'static str> {
        let limits = &self.0.limits;
        let address = peer.ip().to_canonical();
        let network = address::counted(address);
        let is_proxy = address::is_in(address, limits.proxies());
        let mut table = self.table();
        let of_address = table.addresses.get(&network);
        let is_crowded = of_address.is_some_and(|of| of.connections >= limits.max_connections_per_address);
        if is_crowded && !is_proxy {
            let oldest = of_address.and_then(|of| of.strangers.first().copied());
            table.evict(oldest.ok_or(ADDRESS_CONNECTIONS)?);
        } else if table.connections >= limits.max_connections {
            let oldest = table.strangers.keys().next().copied();
            table.evict(oldest.ok_or(CONNECTIONS)?);
        }
        let number = table.next;
        table.next += 1;
        table.connections += 1;
        let state = Arc::new(ConnectionState {
            number,
            network,
            is_known: AtomicBool::new(false),
            is_counted: AtomicBool::new(true),
            closed: CancellationToken::new(),
        });
        table.strangers.insert(number, Arc::clone(&state));
        let of_address = table.addresses.entry(network).or_default();
        of_address.connections += 1;
        of_address.strangers.insert(number);
        let usage = Arc::clone(&of_address.usage);
        drop(table);
        let client = Client(Arc::new(Inner {
            clients: self.clone(),
            peer,
            address,
            network,
            usage,
            connection: Arc::clone(&state),
        }));
        Ok(OpenConnection {
            clients: self.clone(),
            state,
            client,
            is_proxy,
        })
    }

    fn usage(&self, network: IpAddr) -> Arc<Usage> {
        Arc::clone(&self.table().addresses.entry(network).or_default().usage)
    }

    /// Returns the bytes that are held for a caller.
    fn memory_of(&self, caller: &str) -> Arc<AtomicUsize> {
        let mut callers = self.callers();
        if let Some(memory) = callers.get(caller) {
            return Arc::clone(memory);
        }
        let memory = Arc::default();
        callers.insert(caller.to_owned(), Arc::clone(&memory));
        memory
    }

    /// Forgets a caller for whom no other request holds memory.
    fn forget_caller(&self, caller: &str) {
        let mut callers = self.callers();
        // The table has one, and the request that ends has another.
        if callers.get(caller).is_some_and(|memory| Arc::strong_count(memory) <= 2) {
            callers.remove(caller);
        }
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<String, Arc<AtomicUsize>>> {
        self.0.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code panics while it holds the lock.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn evict(&mut self, number: u64) {
        if let Some(stranger) = self.strangers.get(&number).cloned() {
            self.close(&stranger);
            stranger.closed.cancel();
        }
    }

    fn close(&mut self, connection: &ConnectionState) {
        if !connection.is_counted.swap(false, Ordering::SeqCst) {
            return;
        }
        self.connections -= 1;
        self.strangers.remove(&connection.number);
        if let Some(of_address) = self.addresses.get_mut(&connection.network) {
            of_address.connections -= 1;
            of_address.strangers.remove(&connection.number);
        }
        self.forget(connection.network);
    }

    /// Forgets an address that has neither connections nor requests.
    fn forget(&mut self, network: IpAddr) {
        let is_unused = |of: &Address| of.connections == 0 && of.usage.requests.load(Ordering::SeqCst) == 0;
        if self.addresses.get(&network).is_some_and(is_unused) {
            self.addresses.remove(&network);
        }
    }
}

/// A guard for a connection that is counted.
#[derive(Debug)]
pub(super) struct OpenConnection {
    clients: Clients,
    state: Arc<ConnectionState>,
    client: Client,
    is_proxy: bool,
}

impl OpenConnection {
    /// Waits until the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.state.closed.cancelled().await;
    }

    /// Returns the function that names the client of each request on the connection.
    pub(super) fn clients(&self) -> ConnectionClients {
        ConnectionClients {
            client: self.client.clone(),
            is_proxy: self.is_proxy,
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.clients.table().close(&self.state);
    }
}

/// The clients whose requests arrive on one connection: its peer, or those that its peer forwards.
#[derive(Debug, Clone)]
pub(super) struct ConnectionClients {
    client: Client,
    is_proxy: bool,
}

impl ConnectionClients {
    /// Returns the client of a request.
    pub(super) fn of(&self, headers: &HeaderMap) -> Client {
        if !self.is_proxy {
            return self.client.clone();
        }
        let Inner { clients, peer, .. } = &*self.client.0;
        let address = address::client(peer.ip(), headers, clients.0.limits.proxies());
        let network = address::counted(address);
        Client(Arc::new(Inner {
            clients: clients.clone(),
            peer: *peer,
            address,
            network,
            usage: clients.usage(network),
            connection: Arc::clone(&self.client.0.connection),
        }))
    }
}

/// The client of a request. Each request has it as an extension. Clones share it.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clients: Clients,
    peer: SocketAddr,
    address: IpAddr,
    network: IpAddr,
    usage: Arc<Usage>,
    connection: Arc<ConnectionState>,
}

impl Client {
    /// Creates a client that is alone with these limits.
    ///
    /// # Errors
    /// The name of the limit, if there is no room for a connection.
    pub fn alone(peer: SocketAddr, limits: ConnectionLimits) -> Result<Self, &'static str> {
        Ok(Clients::new(limits).open(peer)?.client.clone())
    }

    /// Returns the address of the other end of the connection.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Returns the address of the client, behind trusted proxies.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// Records that a request of the connection was authenticated. The connection no longer has to make room for others.
    pub fn authenticated(&self) {
        let connection = &self.0.connection;
        if connection.is_known.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut table = self.0.clients.table();
        table.strangers.remove(&connection.number);
        if let Some(of_address) = table.addresses.get_mut(&connection.network) {
            of_address.strangers.remove(&connection.number);
        }
    }

    /// Takes requests from the rate limit of the address, or all that it has.
    pub fn penalize(&self, requests: u32, now: Instant) {
        if let Some((rate, network)) = self.rate() {
            rate.drain(network, requests, now);
        }
    }

    /// Returns the rate limiter of addresses, and the key of this one, if there is a limit.
    pub fn rate(&self) -> Option<(&RateLimiter<IpAddr>, &IpAddr)> {
        let rate = self.0.clients.0.rate.as_ref();
        rate.map(|rate| (rate, &self.0.network))
    }

    /// Counts a stream that may last for hours, until the guard is dropped. An address may have a fraction of its requests
    /// in progress as such streams, so that they leave room for others.
    ///
    /// # Errors
    /// [`PortRefusal::TooManyInProgress`] if the address has as many as it may.
    pub fn open_stream(&self) -> Result<OpenStream, PortRefusal> {
        let before = self.0.usage.streams.fetch_add(1, Ordering::Relaxed);
        let stream = OpenStream(Arc::clone(&self.0.usage));
        let limit = self.0.clients.0.limits.max_connections_per_address / STREAM_SHARE;
        if before >= limit.max(1) {
            return Err(PortRefusal::TooManyInProgress);
        }
        Ok(stream)
    }

    /// Counts a request, with the size of its head, in bytes. It is in progress until the guard is dropped.
    ///
    /// # Errors
    /// The limit that it exceeds.
    pub(super) fn request(&self, head: usize, now: Instant) -> Result<RequestUsage, PortRefusal> {
        let Inner { clients, usage, .. } = &*self.0;
        let before = usage.requests.fetch_add(1, Ordering::Relaxed);
        let request = RequestUsage {
            client: self.clone(),
            memory: AtomicUsize::new(0),
            caller: OnceLock::new(),
            of_caller: OnceLock::new(),
            is_exhausted: AtomicBool::new(false),
        };
        if let Some((rate, network)) = self.rate() {
            let taken = rate.take(network, 1, now);
            taken.map_err(|exhausted| PortRefusal::RateLimited {
                retry_after: exhausted.retry_after,
            })?;
        }
        if before >= clients.0.limits.max_connections_per_address {
            return Err(PortRefusal::TooManyInProgress);
        }
        request.hold(head)?;
        Ok(request)
    }
}

/// A guard for a stream that may last for hours.
#[derive(Debug)]
pub struct OpenStream(Arc<Usage>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A guard for a request in progress and the memory that it holds.
#[derive(Debug)]
pub(super) struct RequestUsage {
    client: Client,
    memory: AtomicUsize,
    /// The name of the authenticated caller.
    caller: OnceLock<String>,
    /// The bytes that are held for the caller, once this request holds some that count.
    of_caller: OnceLock<Arc<AtomicUsize>>,
    is_exhausted: AtomicBool,
}

impl RequestUsage {
    /// Counts bytes that the request holds in memory from now on.
    ///
    /// # Errors
    /// [`PortRefusal::OutOfMemory`] if the process, the address or the caller holds too many.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), PortRefusal> {
        let Inner { clients, usage, .. } = &*self.client.0;
        let limit = clients.0.limits.request_memory;
        let before = self.memory.fetch_add(bytes, Ordering::Relaxed);
        let bytes = counted(before + bytes) - counted(before);
        if bytes == 0 {
            return Ok(());
        }
        let of_address = usage.memory.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let of_process = clients.0.memory.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let of_caller = self.charge(bytes);
        self.check(of_address.max(of_caller) <= limit / MEMORY_SHARE && of_process <= limit)
    }

    /// Counts the memory for this caller too, from now on.
    ///
    /// # Errors
    /// [`PortRefusal::OutOfMemory`] if the caller holds too much.
    pub(super) fn set_caller(&self, caller: &str) -> Result<(), PortRefusal> {
        if self.caller.set(caller.to_owned()).is_err() {
            return Ok(());
        }
        let of_caller = match counted(self.memory.load(Ordering::Relaxed)) {
            0 => 0,
            held => self.charge(held),
        };
        self.check(of_caller <= self.client.0.clients.0.limits.request_memory / MEMORY_SHARE)
    }

    /// Returns `true` if the request was refused memory.
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_exhausted.load(Ordering::Relaxed)
    }

    /// Counts bytes for the caller, and returns all that are held for it.
    fn charge(&self, bytes: usize) -> usize {
        let Some(caller) = self.caller.get() else {
            return 0;
        };
        let memory = self.of_caller.get_or_init(|| self.client.0.clients.memory_of(caller));
        memory.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    fn check(&self, has_room: bool) -> Result<(), PortRefusal> {
        if has_room {
            return Ok(());
        }
        self.is_exhausted.store(true, Ordering::Relaxed);
        Err(PortRefusal::OutOfMemory)
    }

    /// Counts the memory no longer. The request stays in progress.
    pub(super) fn release(&self) {
        let Inner { clients, usage, .. } = &*self.client.0;
        let memory = counted(self.memory.swap(0, Ordering::Relaxed));
        clients.0.memory.fetch_sub(memory, Ordering::Relaxed);
        usage.memory.fetch_sub(memory, Ordering::Relaxed);
        if let Some(of_caller) = self.of_caller.get() {
            of_caller.fetch_sub(memory, Ordering::Relaxed);
        }
    }
}

impl Drop for RequestUsage {
    fn drop(&mut self) {
        self.release();
        let Inner {
            clients,
            network,
            usage,
            connection,
            ..
        } = &*self.client.0;
        if let (Some(caller), Some(_)) = (self.caller.get(), self.of_caller.get()) {
            clients.forget_caller(caller);
        }
        let is_last = usage.requests.fetch_sub(1, Ordering::SeqCst) == 1;
        // A request may outlive its connection, which then has not forgotten the address.
        if is_last && (*network != connection.network || !connection.is_counted.load(Ordering::SeqCst)) {
            clients.table().forget(*network);
        }
    }
}

/// Returns the bytes of a request that count.
fn counted(bytes: usize) -> usize {
    bytes.saturating_sub(UNCOUNTED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: usize, per_address: usize) -> ConnectionLimits {
        ConnectionLimits {
            max_connections: connections,
            max_connections_per_address: per_address,
            request_memory: 4 * (UNCOUNTED_BYTES + 1000),
            ..ConnectionLimits::default()
        }
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), 1)
    }

    fn is_evicted(connection: &OpenConnection) -> bool {
        connection.state.closed.is_cancelled()
    }

    #[test]
    fn oldest_stranger_of_a_crowded_address_makes_room() {
        let clients = Clients::new(limits(100, 2));
        let open = |address| clients.open(peer(address)).expect("room");
        let (known, stranger, other) = (open("1.1.1.1"), open("1.1.1.1"), open("1.1.1.2"));
        known.client.authenticated();
        let newcomer = open("1.1.1.1");
        assert!(is_evicted(&stranger) && !is_evicted(&known) && !is_evicted(&other));
        newcomer.client.authenticated();
        assert_eq!(
            clients.open(peer("1.1.1.1")).map(drop),
            Err(ADDRESS_CONNECTIONS),
            "nobody is left to go"
        );
        drop((known, stranger));
        open("1.1.1.1");
        let network = [open("2001:db8::1"), open("2001:db8::2"), open("2001:db8:0:1::1")];
        open("2001:db8::3");
        assert_eq!(network.each_ref().map(is_evicted), [true, false, false], "a /64 is one");
    }

    #[test]
    fn oldest_stranger_makes_room_where_all_connections_are_taken() {
        let clients = Clients::new(limits(2, 2));
        let known = clients.open(peer("1.1.1.1")).expect("room");
        known.client.authenticated();
        let stranger = clients.open(peer("1.1.1.2")).expect("room");
        let newcomer = clients.open(peer("1.1.1.3")).expect("room");
        assert!(is_evicted(&stranger) && !is_evicted(&known));
        newcomer.client.authenticated();
        assert_eq!(clients.open(peer("1.1.1.4")).map(drop), Err(CONNECTIONS));
        drop((known, stranger, newcomer));
        assert!(clients.table().addresses.is_empty(), "nobody is remembered");
        assert_eq!(clients.table().connections, 0);
    }

    #[test]
    fn requests_of_an_address_share_their_number_and_their_memory() {
        let clients = Clients::new(limits(8, 3));
        let (one, two) = (clients.open(peer("1.1.1.1")), clients.open(peer("1.1.1.1")));
        let (one, two) = (one.expect("room"), two.expect("room"));
        let now = Instant::now();
        let first = one.client.request(UNCOUNTED_BYTES + 600, now).expect("room");
        assert!(first.hold(UNCOUNTED_BYTES).is_ok());
        assert_eq!(
            two.client.request(UNCOUNTED_BYTES + 500, now).map(drop),
            Err(PortRefusal::OutOfMemory)
        );
        let other = clients.open(peer("1.1.1.2")).expect("room");
        assert!(two.client.request(500, now).is_ok(), "a small request");
        let _others = other
            .client
            .request(UNCOUNTED_BYTES + 1000, now)
            .expect("its own share");
        drop(first);
        let three: Vec<_> = (0..3).map(|_| two.client.request(1, now).expect("room")).collect();
        assert_eq!(
            one.client.request(1, now).map(drop),
            Err(PortRefusal::TooManyInProgress)
        );
        drop(three);
        assert!(one.client.request(UNCOUNTED_BYTES + 1000, now).is_ok());
    }

    #[test]
    fn requests_of_a_caller_share_their_memory_wherever_they_come_from() {
        let clients = Clients::new(limits(8, 8));
        let now = Instant::now();
        let connections = ["1.1.1.1", "1.1.1.2", "1.1.1.3"].map(|from| clients.open(peer(from)).expect("room"));
        let requests = connections
            .each_ref()
            .map(|connection| connection.client.request(1, now).expect("room"));
        let [first, second, other] = &requests;
        assert!(first.set_caller("shop").is_ok() && second.set_caller("shop").is_ok());
        assert!(other.set_caller("blog").is_ok());
        assert!(first.hold(UNCOUNTED_BYTES + 5000).is_ok());
        assert_eq!(second.hold(UNCOUNTED_BYTES + 5000), Err(PortRefusal::OutOfMemory));
        assert!(second.is_exhausted() && !first.is_exhausted());
        assert!(other.hold(UNCOUNTED_BYTES + 5000).is_ok(), "another caller");
        let late = connections[2].client.request(UNCOUNTED_BYTES + 5000, now);
        let _ = late.expect_err("the address has no more");
        second.release();
        let third = clients.open(peer("1.1.1.4")).expect("room");
        let third = third
            .client
            .request(UNCOUNTED_BYTES + 5000, now)
            .expect("its own share");
        assert_eq!(third.set_caller("shop"), Err(PortRefusal::OutOfMemory), "with its head");
        drop((requests, third));
        assert!(clients.callers().is_empty(), "nobody is remembered");
    }

    #[test]
    fn streams_of_hours_leave_room_for_requests() {
        let clients = Clients::new(limits(100, 16));
        let connection = clients.open(peer("1.1.1.1")).expect("room");
        let streams = [connection.client.open_stream(), connection.client.open_stream()];
        assert!(streams.iter().all(Result::is_ok));
        let refused = connection.client.open_stream().map(drop);
        assert_eq!(refused, Err(PortRefusal::TooManyInProgress));
        let other = clients.open(peer("1.1.1.2")).expect("room");
        assert!(other.client.open_stream().is_ok());
        drop(streams);
        assert!(connection.client.open_stream().is_ok());
    }

    #[test]
    fn connections_are_full_when_nobody_can_make_room() {
        let clients = Clients::new(limits(2, 2));
        let open = [clients.open(peer("1.1.1.1")), clients.open(peer("1.1.1.2"))];
        let open = open.map(|open| open.expect("room"));
        open[0].client.authenticated();
        assert!(!clients.is_full(), "a stranger makes room");
        open[1].client.authenticated();
        assert!(clients.is_full());
        drop(open);
        assert!(!clients.is_full());
    }

    #[test]
    fn clients_behind_a_trusted_proxy_are_counted_by_their_own_addresses() {
        let clients = Clients::new(ConnectionLimits {
            trusted_proxies: Some(vec!["10.0.0.0/8".parse().expect("a network")]),
            ..limits(8, 1)
        });
        let proxy = clients.open(peer("10.0.0.1")).expect("room");
        let again = clients.open(peer("10.0.0.1")).expect("a proxy has as many as it needs");
        assert!(!is_evicted(&proxy));
        let now = Instant::now();
        let from = |connection: &OpenConnection, address: &str| {
            let headers = [(
                "x-forwarded-for".parse().expect("a name"),
                address.parse().expect("a value"),
            )];
            connection.clients().of(&headers.into_iter().collect())
        };
        let first = from(&proxy, "1.1.1.1").request(1, now).expect("room");
        assert!(from(&again, "1.1.1.1").request(1, now).is_err());
        assert!(from(&again, "1.1.1.2").request(1, now).is_ok());
        drop(first);
        assert_eq!(clients.table().addresses.len(), 1, "only the proxy is connected");
    }
}
