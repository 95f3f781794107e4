//! lib/embedded
