//! Confirm and sweep on a real store, with faults between: what must hold whatever happens between two calls.

mod confirm;
mod faults;
mod faulty;
mod sweep;
mod system;
