//! The load: a fixed number of connections that are kept, each with one request under way.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// Enough that a server never waits for a request, few enough that none waits long for its turn.
pub(crate) const CONNECTIONS: usize = 16;

/// One measurement.
pub(crate) const ROUND: Duration = Duration::from_secs(2);

/// One kept connection.
pub(crate) trait Caller: Sized + Send + 'static {
    /// Connects.
    fn open(address: SocketAddr) -> impl Future<Output = anyhow::Result<Self>> + Send;

    /// One request, until its answer is read. An answer other than success is an error.
    fn call(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// All connections to one server.
pub(crate) struct Load<C> {
    callers: Vec<C>,
}

impl<C: Caller> Load<C> {
    /// Opens them.
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let mut callers = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            callers.push(C::open(address).await?);
        }
        Ok(Self { callers })
    }

    /// Answers a second, over one round.
    pub(crate) async fn round(&mut self) -> anyhow::Result<f64> {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for caller in self.callers.drain(..) {
            tasks.spawn(call_until(started + ROUND, caller));
        }
        let mut answers = 0;
        while let Some(task) = tasks.join_next().await {
            let (caller, answered) = task??;
            self.callers.push(caller);
            answers += answered;
        }
        Ok(f64::from(answers) / started.elapsed().as_secs_f64())
    }
}

async fn call_until<C: Caller>(deadline: Instant, mut caller: C) -> anyhow::Result<(C, u32)> {
    let mut answered = 0;
    while Instant::now() < deadline {
        caller.call().await?;
        answered += 1;
    }
    Ok((caller, answered))
}
