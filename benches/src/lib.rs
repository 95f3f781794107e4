//! What the benchmarks have in common: a service that asks no store, measuring in turn, and a report.
//!
//! A ratio of two things measured in turn on one machine holds elsewhere, more or less. The absolute figures do not.

mod figures;
mod report;
mod service;

pub use figures::{Figures, Measure};
pub use report::Report;
pub use service::{
    ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL, drafts, start_logging, storage,
};

/// Whether `cargo bench` runs this process. Whatever else may start a benchmark, such as a test runner that takes all
/// targets, wants it to end at once.
pub fn asked_for() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
