//! Lifecycle rules: their configuration, what they mean, and the task that carries them out.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html>

mod config;
mod evaluate;
mod run;

pub(super) use config::{delete, get, put};
