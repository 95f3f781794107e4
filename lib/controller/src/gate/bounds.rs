//! What bounds a call, whichever port it comes by.

use axum::extract::Request;
use draftstore_service::Scope;

use super::Refuse;
use super::body::Room;
use crate::webapi::{ROUTES, Route};

/// What a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of its message. Bytes.
    pub max_bytes: u64,
    /// Whether it may take as long as the store does: it moves whole objects, and has its own limits.
    pub is_long: bool,
    /// Whether it confirms.
    pub is_confirm: bool,
}

impl Route {
    /// What bounds it.
    pub fn bounds(&self) -> Bounds {
        let is_confirm = self.scopes == [Scope::Confirm];
        Bounds {
            max_bytes: self.size.max_bytes(),
            is_long: is_confirm || self.rpc == "CompleteMultipartUpload",
            is_confirm,
        }
    }
}

/// How a front tells its calls, and how it refuses them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front {
    /// What bounds the call that is asked for; none where there is none of that name.
    pub(crate) bounds_of: fn(&Request) -> Option<Bounds>,
    /// What it has around a message. Bytes.
    pub(crate) envelope: u64,
    pub(crate) refuse: Refuse,
}

impl Front {
    pub(super) fn bounds(&self, request: &Request) -> Bounds {
        // Whatever it is, it is none of the contract's: the tightest bounds will do.
        (self.bounds_of)(request).unwrap_or_else(|| ROUTES[0].bounds())
    }

    pub(super) fn room(&self, bounds: Bounds) -> Room {
        Room {
            message: bounds.max_bytes,
            envelope: self.envelope,
        }
    }
}
