//! Authentication through a policy file and the files that it names.

mod claims;
mod fixture;
mod issuers;
mod keys;
mod policy;
mod refusals;
mod reload;
