//! The rate limits of callers, addresses and confirms.
//!
//! The counts are local to this process: each replica counts its own requests.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use draftstore_service::Caller;
use ipnet::IpNet;

use super::address;
use super::rate_limiter::{Quota, RateLimiter, Remaining};
use crate::refusal::{Limit, Refusal};

/// The header with the remaining requests of each quota. Source: draft-ietf-httpapi-ratelimit-headers-10.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header with the quotas.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The number of requests that invalid credentials cost their address, in addition to the request itself.
const FAILURE_COST: u32 = 20;

/// The initial capacity of a header's value, in bytes. Most fit.
const USUAL_LIST: usize = 64;

/// The quotas of a gate. `None` means no limit.
#[derive(Debug, Clone, Default)]
pub struct RateLimits {
    /// The requests of each caller, by its name.
    pub caller: Option<Quota>,
    /// The requests of each address, counted before authentication.
    pub address: Option<Quota>,
    /// The confirms of each caller, one for each draft.
    pub confirm: Option<Quota>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
}

/// The rate limiters of a gate.
#[derive(Debug)]
pub(super) struct Rates {
    callers: Option<RateLimiter<String>>,
    addresses: Option<RateLimiter<IpAddr>>,
    confirms: Option<RateLimiter<String>>,
    trusted_proxies: Vec<IpNet>,
}

impl Rates {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self {
            callers: limits.caller.map(|quota| RateLimiter::new("caller", quota)),
            addresses: limits.address.map(|quota| RateLimiter::new("address", quota)),
            confirms: limits.confirm.map(|quota| RateLimiter::new("confirm", quota)),
            trusted_proxies: limits.trusted_proxies,
        }
    }

    /// Returns the address, or network, by which a request is counted.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        address::counted(address::client(peer, headers, &self.trusted_proxies))
    }

    pub(super) fn address(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        let take = |address| take(self.addresses.as_ref(), &address, 1, Limit::AddressRate, now);
        address.map_or(Ok(()), take)
    }

    pub(super) fn caller(&self, caller: &Caller, now: Instant) -> Result<(), Refusal> {
        take(self.callers.as_ref(), &caller.name, 1, Limit::CallerRate, now)
    }

    pub(super) fn confirms(&self, caller: &Caller, confirms: usize, now: Instant) -> Result<(), Refusal> {
        let confirms = u32::try_from(confirms).unwrap_or(u32::MAX);
        take(self.confirms.as_ref(), &caller.name, confirms, Limit::ConfirmRate, now)
    }

    /// Counts invalid credentials.
    pub(super) fn failed(&self, address: Option<IpAddr>, now: Instant) {
        if let (Some(limiter), Some(address)) = (&self.addresses, address) {
            limiter.drain(&address, FAILURE_COST, now);
        }
    }

    /// Writes the state of the rate limits that apply to a request to the headers of its response.
    pub(super) fn write_headers(
        &self,
        headers: &mut HeaderMap,
        address: Option<IpAddr>,
        caller: Option<&Caller>,
        is_confirm: bool,
        now: Instant,
    ) {
        if self.callers.is_none() && self.addresses.is_none() && self.confirms.is_none() {
            return;
        }
        let caller = caller.map(|caller| &caller.name);
        let confirms = self.confirms.as_ref().filter(|_| is_confirm);
        let mut values = Values::default();
        values.add(self.addresses.as_ref(), address.as_ref(), now);
        values.add(self.callers.as_ref(), caller, now);
        values.add(confirms, caller, now);
        for (name, items) in [(RATE_LIMIT_POLICY, values.policies), (RATE_LIMIT, values.remaining)] {
            if !items.is_empty()
                && let Ok(value) = HeaderValue::try_from(items)
            {
                headers.insert(name, value);
            }
        }
    }
}

fn take<K: Hash + Eq + Clone>(
    limiter: Option<&RateLimiter<K>>,
    key: &K,
    requests: u32,
    limit: Limit,
    now: Instant,
) -> Result<(), Refusal> {
    let taken = limiter.map_or(Ok(()), |limiter| limiter.take(key, requests, now).map(drop));
    taken.map_err(|exhausted| Refusal::TooManyRequests {
        limit,
        retry_after: exhausted.retry_after,
    })
}

/// The values of both headers. Every response has them, so they are written without intermediate strings.
#[derive(Debug, Default)]
struct Values {
    policies: String,
    remaining: String,
}

impl Values {
    fn add<K: Hash + Eq + Clone>(&mut self, limiter: Option<&RateLimiter<K>>, key: Option<&K>, now: Instant) {
        let (Some(limiter), Some(key)) = (limiter, key) else {
            return;
        };
        let Remaining { requests, full_in } = limiter.remaining(key, now);
        for list in [&mut self.policies, &mut self.remaining] {
            if list.is_empty() {
                list.reserve(USUAL_LIST);
            } else {
                list.push_str(", ");
            }
        }
        self.policies.push_str(&limiter.policy);
        let (mut left, mut wait) = (itoa::Buffer::new(), itoa::Buffer::new());
        for piece in [
            "\"",
            limiter.name,
            "\";r=",
            left.format(requests),
            ";t=",
            wait.format(full_in),
        ] {
            self.remaining.push_str(piece);
        }
    }
}
