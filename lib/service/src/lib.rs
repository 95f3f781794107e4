//! The rules of DraftStore: issue, confirm, sweep. Knows neither HTTP nor gRPC nor the AWS SDK.

pub mod caller;
pub mod cleaner;
mod clock;
pub mod draft;
mod error;
#[cfg(test)]
mod model;
mod name;
mod observer;
mod origins;
mod policy;
mod store;
mod violation;

pub use caller::{Caller, Scope};
pub use cleaner::Cleaner;
pub use clock::{Clock, SystemClock};
pub use draft::Drafts;
pub use draftstore_storage::closed_set;
pub use error::{Error, Missing, Unauthenticated};
pub use name::ObjectName;
pub use observer::{ConfirmEnded, ConfirmOutcome, Observer, UrlKind};
pub use origins::{AllowedOrigins, InvalidOrigin};
pub use policy::{Buckets, InvalidPolicy, MAX_TTL, Policy};
pub use store::{Replicas, Store, StoreProfile, Weakness, weaknesses};
pub use violation::Violation;
