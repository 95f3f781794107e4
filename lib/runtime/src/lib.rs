//! lib/runtime
