//! cmd/cronjob
fn main() {}
