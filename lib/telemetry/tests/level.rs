//! The level below which events and spans of all crates cost nothing.

use draftstore_telemetry::Program;
use draftstore_telemetry::logging::{LogFormat, LogSettings, start};
use tracing::level_filters::LevelFilter;

#[test]
fn spans_and_events_below_the_level_of_the_log_are_disabled_at_their_origin() {
    let settings = LogSettings {
        format: LogFormat::Json,
        filter: "info".parse().expect("a filter"),
    };
    let program = Program {
        name: "test",
        version: "0",
    };
    start(&settings, None, None, program).expect("started once");
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
}
