//! The streams of calls: how many a caller and its address have, how long they last, and that their caller keeps its rights.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::extract::Request;
use draftstore_auth::{PeerCertificate, Presented, Unauthenticated};
use draftstore_connections::{Client, OpenStream};
use draftstore_service::Caller;
use futures::stream::{self, StreamExt as _};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Gate, credentials};
use crate::api::Updates;
use crate::errors::Failure;
use crate::refusal::{Limit, Refusal, StreamEnd};

/// The time after which the credentials of a stream without updates are checked again.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The credentials of a request, kept as long as its stream.
pub(super) struct Credentials {
    bearer: Result<Option<String>, Unauthenticated>,
    peer: Option<PeerCertificate>,
}

impl Credentials {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            bearer: credentials::bearer(request).map(|bearer| bearer.map(str::to_owned)),
            peer: request.extensions().get().cloned(),
        }
    }
}

/// The number of streams of each caller. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct CallerStreams {
    most: usize,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// A guard for a stream of a caller.
#[derive(Debug)]
struct CallerStream {
    streams: CallerStreams,
    caller: String,
}

impl CallerStreams {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, caller: &Caller) -> Result<CallerStream, Refusal> {
        let mut open = self.open();
        let of_caller = open.entry(caller.name.clone()).or_default();
        if *of_caller >= self.most {
            return Err(Refusal::TooManyRequests {
                limit: Limit::CallerStreams,
                retry_after: 1,
            });
        }
        *of_caller += 1;
        Ok(CallerStream {
            streams: self.clone(),
            caller: caller.name.clone(),
        })
    }
}

impl Drop for CallerStream {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        if let Some(of_caller) = open.get_mut(&self.caller) {
            *of_caller -= 1;
            if *of_caller == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// The bounds of a stream. Counts it until they are dropped.
pub(super) struct StreamBounds {
    gate: Gate,
    caller: Arc<Caller>,
    credentials: Credentials,
    ends_at: Instant,
    _of_caller: CallerStream,
    _of_address: Option<OpenStream>,
}

impl std::fmt::Debug for StreamBounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamBounds").finish_non_exhaustive()
    }
}

impl Gate {
    /// Counts a stream of a caller and its address.
    pub(super) fn open_stream(
        &self,
        caller: &Arc<Caller>,
        credentials: Credentials,
        client: Option<&Client>,
    ) -> Result<StreamBounds, Refusal> {
        Ok(StreamBounds {
            _of_caller: self.0.streams.take(caller)?,
            _of_address: client.map(Client::open_stream).transpose()?,
            gate: self.clone(),
            caller: Arc::clone(caller),
            credentials,
            ends_at: Instant::now() + self.0.watch_timeout,
        })
    }
}

impl StreamBounds {
    /// Returns the updates, which end with a failure when the time is over, when the server stops, or when the caller loses or
    /// changes its rights.
    pub(super) fn bound<T: Send + 'static>(self: &Arc<Self>, updates: Updates<T>) -> Updates<T> {
        let bounded = stream::unfold(Some((updates, Arc::clone(self))), |open| async {
            let (mut updates, bounds) = open?;
            let update = match bounds.next(&mut updates).await {
                Ok(update) => update?,
                Err(refusal) => Err(refusal.into()),
            };
            let open = update.is_ok().then_some((updates, bounds));
            Some((update, open))
        });
        bounded.boxed()
    }

    async fn next<T>(&self, updates: &mut Updates<T>) -> Result<Option<Result<T, Failure>>, Refusal> {
        loop {
            let update = tokio::select! {
                update = updates.next() => Some(update),
                () = self.gate.0.stopped.cancelled() => return Err(Refusal::StreamEnded(StreamEnd::Stopping)),
                () = sleep_until(self.ends_at) => return Err(Refusal::StreamEnded(StreamEnd::Timeout)),
                () = sleep(CHECK_AGAIN_AFTER) => None,
            };
            self.check_caller()?;
            if let Some(update) = update {
                return Ok(update);
            }
        }
    }

    /// Checks that the credentials are still those of the same caller, with the same rights and limits.
    fn check_caller(&self) -> Result<(), Refusal> {
        let Credentials { bearer, peer } = &self.credentials;
        let presented = Presented {
            bearer: bearer.as_ref().map_err(|error| *error)?.as_deref(),
            peer: peer.as_ref(),
        };
        let caller = self.gate.0.authenticator.authenticate(presented, SystemTime::now())?;
        if caller == self.caller {
            Ok(())
        } else {
            Err(Refusal::StreamEnded(StreamEnd::CallerChanged))
        }
    }
}
