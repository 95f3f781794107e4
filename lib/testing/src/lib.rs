//! Real stores for tests.

mod embedded;
mod endpoint;
mod garage;

pub use embedded::Embedded;
pub use endpoint::Endpoint;
pub use garage::Garage;
