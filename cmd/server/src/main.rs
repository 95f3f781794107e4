//! cmd/server
fn main() {}
