//! Confirm and sweep on a real store, with faults between: what must hold whatever happens between two calls.
//!
//! Each file begins with the table of its promises, and of the stores that keep them:
//!
//! - `strong`, the embedded store, which honours every condition;
//! - `weak`, the same made to ignore them all;
//! - `sources`, the same made to honour conditions on the source of a copy alone, as Garage does;
//! - `garage`, Garage 2.5 itself, with what a probe finds there. What it does instead of a promise stands behind an arrow,
//!   and is tested too, so that a change is noticed.

/// Makes tests of promises, one for each store: `promise: store, garage => what it does instead;`.
macro_rules! promises {
    ($($promise:ident: $($store:ident $(=> $lack:ident)?),+;)*) => {
        $(mod $promise {
            $(promises!(@on $store $promise $($lack)?);)+
        })*
    };
    (@on strong $promise:ident) => {
        #[tokio::test]
        async fn strong() {
            super::$promise(&crate::ground::Ground::strong().await).await;
        }
    };
    (@on weak $promise:ident) => {
        #[tokio::test]
        async fn weak() {
            super::$promise(&crate::ground::Ground::weak().await).await;
        }
    };
    (@on sources $promise:ident) => {
        #[tokio::test]
        async fn sources() {
            super::$promise(&crate::ground::Ground::sources().await).await;
        }
    };
    (@on garage $promise:ident $lack:ident) => {
        promises!(@on garage $lack);
    };
    (@on garage $promise:ident) => {
        #[tokio::test]
        #[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-service --test it -- --ignored"]
        async fn garage() {
            super::$promise(&crate::ground::Ground::garage().await).await;
        }
    };
}

mod batch;
mod callers;
mod calls;
mod confirm;
mod faults;
mod faulty;
mod ground;
mod ignoring;
mod large;
mod multipart;
mod profile;
mod staged;
mod sweep;
mod system;
mod weak_store;
