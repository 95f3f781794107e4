//! Authentication through a policy file and the files that it names.

mod claims;
mod fixture;
mod keys;
mod policy;
mod refusals;
mod reload;
