//! The rate limits of callers and confirms, and the headers about all rate limits. The port counts those of addresses.
//!
//! The counts are local to this process: each replica counts its own requests.

use std::hash::Hash;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use draftstore_connections::{Client, Quota, RateLimiter, Remaining};
use draftstore_service::Caller;

use crate::refusal::{Limit, Refusal};

/// The header with the remaining requests of each quota. Source: draft-ietf-httpapi-ratelimit-headers-10.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header with the quotas.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The initial capacity of a header's value, in bytes. Most fit.
const USUAL_LIST: usize = 64;

/// The quotas of a gate. `None` means no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    /// The requests of each caller, by its name.
    pub caller: Option<Quota>,
    /// The confirms of each caller, one for each draft.
    pub confirm: Option<Quota>,
}

/// The rate limiters of a gate.
#[derive(Debug)]
pub(super) struct Rates {
    callers: Option<RateLimiter<String>>,
    confirms: Option<RateLimiter<String>>,
}

impl Rates {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self {
            callers: limits.caller.map(|quota| RateLimiter::new("caller", quota)),
            confirms: limits.confirm.map(|quota| RateLimiter::new("confirm", quota)),
        }
    }

    pub(super) fn caller(&self, caller: &Caller, now: Instant) -> Result<(), Refusal> {
        take(self.callers.as_ref(), &caller.name, 1, Limit::CallerRate, now)
    }

    pub(super) fn confirms(&self, caller: &Caller, confirms: usize, now: Instant) -> Result<(), Refusal> {
        let confirms = u32::try_from(confirms).unwrap_or(u32::MAX);
        take(self.confirms.as_ref(), &caller.name, confirms, Limit::ConfirmRate, now)
    }

    /// Writes the state of the rate limits that apply to a request to the headers of its response.
    pub(super) fn write_headers(
        &self,
        headers: &mut HeaderMap,
        client: Option<&Client>,
        caller: Option<&Caller>,
        is_confirm: bool,
        now: Instant,
    ) {
        let address = client.and_then(Client::rate);
        if self.callers.is_none() && address.is_none() && self.confirms.is_none() {
            return;
        }
        let caller = caller.map(|caller| &caller.name);
        let confirms = self.confirms.as_ref().filter(|_| is_confirm);
        let mut values = Values::default();
        values.add(address.map(|(limiter, _)| limiter), address.map(|(_, key)| key), now);
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
