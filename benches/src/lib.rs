//! What the benchmarks have in common: a service that asks no store, and a comparison in pairs.
//!
//! A ratio of two things measured in turn on one machine holds elsewhere, more or less. The absolute figures do not.

mod comparison;
mod service;

pub use comparison::Comparison;
pub use service::{
    ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL, drafts, start_logging,
};

/// Whether `cargo bench` runs this process. Whatever else may start a benchmark, such as a test runner that takes all
/// targets, wants it to end at once.
pub fn asked_for() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
