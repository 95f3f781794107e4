//! Whom credentials make of their bearers, through the policy file and everything that it names.

mod claims;
mod ground;
mod keys;
mod policy;
mod refusals;
mod reload;
