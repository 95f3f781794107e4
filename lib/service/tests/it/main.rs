//! Confirm and sweep on a real store, with faults between: what must hold whatever happens between two calls.

mod batch;
mod confirm;
mod faults;
mod faulty;
mod garage;
mod ignoring;
mod large;
mod staged;
mod sweep;
mod system;
mod weak_store;
