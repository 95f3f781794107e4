//! Who may ask how often.
//!
//! Counted in this process: with several replicas behind one address, each counts what it sees.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use draftstore_service::{Caller, Error};
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::address;
use super::buckets::{Buckets, Exhausted, Quota, Standing};

/// Source: the IETF's draft-ietf-httpapi-ratelimit-headers-10.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What credentials that are not valid cost their address, beside the request: so much dearer is guessing than asking.
const FAILURE_COST: u32 = 20;

/// Bytes that most lists of policies fit in.
const USUAL_LIST: usize = 64;

/// The quotas; none: no limit.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    /// Of each caller, by its name.
    pub caller: Option<Quota>,
    /// Of each address, before it is known who is asking.
    pub address: Option<Quota>,
    /// Of each caller's confirms, one for each draft.
    pub confirm: Option<Quota>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// Counts confirms. Clones share it; the default one is without limits.
#[derive(Debug, Clone, Default)]
pub struct ConfirmBudget(Option<Arc<Buckets<String>>>);

impl ConfirmBudget {
    /// Takes so many of the caller's.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`].
    pub(crate) fn take(&self, caller: &str, confirms: usize) -> Result<(), Error> {
        let confirms = u32::try_from(confirms).unwrap_or(u32::MAX);
        take(self.0.as_deref(), &caller.to_owned(), confirms, Instant::now())
    }
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Rates {
    callers: Option<Buckets<String>>,
    addresses: Option<Buckets<IpAddr>>,
    pub(super) confirms: ConfirmBudget,
    trusted_proxies: Vec<IpNet>,
}

impl Rates {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self {
            callers: limits.caller.map(|quota| Buckets::new("caller", quota)),
            addresses: limits.address.map(|quota| Buckets::new("address", quota)),
            confirms: ConfirmBudget(limits.confirm.map(|quota| Arc::new(Buckets::new("confirm", quota)))),
            trusted_proxies: limits.trusted_proxies,
        }
    }

    /// By what a request's address is counted.
    pub(super) fn budget(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address::budget(address::client(peer, headers, &self.trusted_proxies))
    }

    pub(super) fn of_address(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Error> {
        address.map_or(Ok(()), |address| take(self.addresses.as_ref(), &address, 1, now))
    }

    pub(super) fn of_caller(&self, caller: &Caller, now: Instant) -> Result<(), Error> {
        take(self.callers.as_ref(), &caller.name, 1, now)
    }

    /// Its credentials were not valid.
    pub(super) fn failed(&self, address: Option<IpAddr>, now: Instant) {
        if let (Some(buckets), Some(address)) = (&self.addresses, address) {
            buckets.drain(&address, FAILURE_COST, now);
        }
    }

    /// Says with an answer, whatever it is, how the budgets stand that it was counted by.
    pub(super) fn tell(
        &self,
        headers: &mut HeaderMap,
        address: Option<IpAddr>,
        caller: Option<&Caller>,
        is_confirm: bool,
        now: Instant,
    ) {
        if self.callers.is_none() && self.addresses.is_none() && self.confirms.0.is_none() {
            return;
        }
        let caller = caller.map(|caller| &caller.name);
        let confirms = self.confirms.0.as_deref().filter(|_| is_confirm);
        let mut told = Told::default();
        told.add(self.addresses.as_ref(), address.as_ref(), now);
        told.add(self.callers.as_ref(), caller, now);
        told.add(confirms, caller, now);
        for (name, items) in [(RATE_LIMIT_POLICY, told.policies), (RATE_LIMIT, told.standings)] {
            if !items.is_empty()
                && let Ok(value) = HeaderValue::try_from(items)
            {
                headers.insert(name, value);
            }
        }
    }
}

fn take<K: std::hash::Hash + Eq + Clone>(
    buckets: Option<&Buckets<K>>,
    key: &K,
    requests: u32,
    now: Instant,
) -> Result<(), Error> {
    let taken = buckets.map_or(Ok(()), |buckets| buckets.take(key, requests, now).map(drop));
    taken.map_err(|Exhausted { retry_after, .. }| Error::TooManyRequests { retry_after })
}

/// Lists of policies and of how they stand, as the draft writes them. They go with every answer, so that each is written once,
/// where it stays.
#[derive(Debug, Default)]
struct Told {
    policies: String,
    standings: String,
}

impl Told {
    fn add<K: std::hash::Hash + Eq + Clone>(&mut self, buckets: Option<&Buckets<K>>, key: Option<&K>, now: Instant) {
        let (Some(buckets), Some(key)) = (buckets, key) else {
            return;
        };
        let Standing { remaining, full_in } = buckets.standing(key, now);
        for list in [&mut self.policies, &mut self.standings] {
            if list.is_empty() {
                list.reserve(USUAL_LIST);
            } else {
                list.push_str(", ");
            }
        }
        self.policies.push_str(&buckets.policy);
        let (mut left, mut wait) = (itoa::Buffer::new(), itoa::Buffer::new());
        for piece in [
            "\"",
            buckets.name,
            "\";r=",
            left.format(remaining),
            ";t=",
            wait.format(full_in),
        ] {
            self.standings.push_str(piece);
        }
    }
}
