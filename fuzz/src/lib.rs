//! Fuzz targets: functions that take any bytes, and panic if a promise is broken.
//!
//! They reach what is private through what is public: a service on a store that signs, and is never asked.

#![expect(clippy::missing_panics_doc, reason = "a target panics where a promise is broken")]

pub mod credentials;
pub mod disposition;
pub mod inspection;
pub mod json;
pub mod names;
pub mod presign;
pub mod seeds;
pub mod tokens;

mod files;
mod offline;
mod sigv4;

/// A fuzz target, which takes any bytes.
pub type Target = fn(&[u8]);

/// Every target with its name.
pub const TARGETS: [(&str, Target); 7] = [
    ("names", names::run),
    ("tokens", tokens::run),
    ("credentials", credentials::run),
    ("json", json::run),
    ("disposition", disposition::run),
    ("presign", presign::run),
    ("inspection", inspection::run),
];
