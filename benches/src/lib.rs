//! Shared code of the benchmarks: a service without a store, alternating measurements, and reports.
//!
//! Ratios of two subjects measured alternately are comparable between machines. Absolute figures are not.

mod figures;
mod report;
mod service;

pub use figures::{Figures, Measure};
pub use report::BenchReport;
pub use service::{
    ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL, drafts, start_logging, storage,
};

/// Returns true if `cargo bench` runs this process. Test runners that start all targets expect a benchmark to exit at
/// once.
pub fn run_by_cargo_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}
