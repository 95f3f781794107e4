//! What bounds a call, whichever port it comes by.

use axum::extract::Request;
use draftstore_service::Scope;

use super::Refuse;
use super::body::Room;
use crate::webapi::{Route, Size};

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

impl Bounds {
    /// Of what is none of the contract's calls, whatever it is.
    pub(super) fn tightest() -> Self {
        Self {
            max_bytes: Size::One.max_bytes(),
            is_long: false,
            is_confirm: false,
        }
    }
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

/// How a front tells what bounds the call that is asked for; none where there is none of that name.
pub(crate) type BoundsOf = fn(&Request) -> Option<Bounds>;

/// What gate and front have to agree on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front {
    /// What it has around a message. Bytes.
    pub(crate) envelope: u64,
    pub(crate) refuse: Refuse,
}

impl Front {
    pub(super) fn room(&self, bounds: Bounds) -> Room {
        Room {
            message: bounds.max_bytes,
            envelope: self.envelope,
        }
    }
}
