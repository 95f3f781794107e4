//! The trait of an object store.

use crate::{Administration, Objects, Presign};

/// An object store, with everything that DraftStore needs.
///
/// Implemented for every type that implements the three supertraits. Code that needs only one of them takes that trait:
/// a `dyn Storage` coerces to each.
pub trait Storage: Objects + Presign + Administration {}

impl<T: Objects + Presign + Administration + ?Sized> Storage for T {}
