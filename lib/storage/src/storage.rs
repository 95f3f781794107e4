//! All that an object store does for DraftStore, as one trait.

use crate::{Administration, Objects, Presign};

/// An object store with everything that DraftStore needs of one.
///
/// Implemented for every type that has the three parts. Whoever needs only one of them takes that one; a
/// `dyn Storage` coerces to it.
pub trait Storage: Objects + Presign + Administration {}

impl<T: Objects + Presign + Administration + ?Sized> Storage for T {}
