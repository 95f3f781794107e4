//! The calls on drafts and on confirmed objects, their events, and the sweep.
//!
//! This crate owns the rules for callers: names, tenants, scopes and limits. It also owns the drivers of
//! `draftstore-protocol`: tasks, locks, timeouts and logs. It must not know HTTP, gRPC or the AWS SDK. The protocol
//! makes every decision about a confirm or a sweep.

mod amount;
pub mod caller;
pub mod cleaner;
mod clock;
mod completion;
pub mod draft;
mod error;
pub mod events;
mod fields;
pub mod limits;
mod name;
mod observer;
mod origins;
pub mod safety;
mod secrets;
mod settings;
mod store;
pub mod usage_counter;
mod violation;
mod webhooks;

pub use amount::Amount;
pub use caller::{Caller, Scope};
pub use cleaner::Cleaner;
pub use clock::{Clock, SystemClock};
pub use draft::Drafts;
pub use draftstore_protocol::{InvalidPolicy, MAX_TTL, Policy};
pub use draftstore_storage::{
    Encryption, InvalidHeader, ObjectHeader, ObjectHeaders, RestoreTier, Retention, RetentionMode, StorageOption,
    StorageOptions, closed_set,
};
pub use error::{Error, Lock, Missing};
pub use name::ObjectName;
pub use observer::{
    AutoConfirmed, CheckOutcome, CheckPart, ConfirmEnded, ConfirmOutcome, DeliveryOutcome, EventGivenUp, Observer,
    RemovalOutcome, UrlKind,
};
pub use origins::{AllowedOrigins, InvalidOrigin};
pub use secrets::{SecretSource, Secrets};
pub use settings::{CheckVariables, DraftSettings, PolicySettings, SweepSettings};
pub use store::{Buckets, KeptUntil, Replicas, Store, StoreProfile, Weakness, weaknesses};
pub use usage_counter::{CountLimits, UsageCounter};
pub use violation::Violation;
pub use webhooks::{ScanReply, ScanRequest, SignedReport, WebhookClient};
