//! Who is asking, and what becomes of those of whom that is not known.

mod api_key;
pub(crate) mod ground;
mod issuer;
mod jwt;
mod mtls;
mod policy;
