//! Tests of authentication, and of requests without valid credentials.

mod api_key;
pub(crate) mod ground;
mod issuer;
mod jwt;
mod mtls;
mod pages;
mod policy;
