//! Real stores for tests.

mod endpoint;
mod garage;

pub use endpoint::Endpoint;
pub use garage::Garage;
