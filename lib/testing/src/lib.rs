//! Real object stores for tests, helpers to use them, and a proxy that injects faults.

mod clamd;
mod embedded;
mod endpoint;
mod form;
mod garage;
mod http;
mod http_proxy;
mod large;
mod process;
pub mod proxy;
mod seaweedfs;
mod world;

pub use clamd::Clamd;
pub use embedded::Embedded;
pub use endpoint::StoreEndpoint;
pub use form::form;
pub use garage::Garage;
pub use http::http_client;
pub use http_proxy::HttpProxy;
pub use large::{LARGE, assert_large_copy, large_draft};
pub use seaweedfs::SeaweedFs;
pub use world::{
    SignedRequest, TestBuckets, attributes, bucket, connect, etag, expire_versions, get, keep_versions, key,
    lock_objects, sdk, settings,
};
