//! Notifications of a store about new objects, as AWS, MinIO and the embedded store send them by HTTP.
//!
//! `events` reads which objects are new. `sns` reads and verifies the messages by which SNS delivers such events. It has no I/O,
//! and knows neither drafts nor what is done about an object: what a notification says is a hint, and never proof.

mod events;
mod sns;

pub use events::{InvalidNotification, NewObject, new_objects};
pub use sns::{InvalidMessage, MessageKind, SnsMessage, TopicArn};
