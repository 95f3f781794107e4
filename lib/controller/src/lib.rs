//! lib/controller
