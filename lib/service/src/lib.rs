//! lib/service
