//! Confirms and sweeps on a real store, with faults and concurrent changes between the calls.
//!
//! Each file begins with the table of its promises, and of the stores on which they hold:
//!
//! - `strong`: the embedded store, which honours every condition.
//! - `singly`: the embedded store, made to ignore the conditions of a call that deletes many drafts.
//! - `weak`: the embedded store, made to ignore all conditions.
//! - `sources`: the embedded store, made to honour only conditions on the source of a copy, as Garage does.
//! - `swapping`: the embedded store, made to ignore conditions on the source of a copy, which the service relies on.
//! - `garage`: Garage 2.5, with the capabilities that a probe finds. If Garage does not keep a promise, its actual
//!   behaviour follows an arrow. That behaviour is tested too, so that a change is noticed.
//! - `seaweedfs`: SeaweedFS 4.48, with the capabilities that a probe finds.

/// Declares a test of each promise for each store: `promise: store, garage => actual_behaviour;`.
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
    (@on singly $promise:ident) => {
        #[tokio::test]
        async fn singly() {
            super::$promise(&crate::ground::Ground::singly().await).await;
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
    (@on swapping $promise:ident) => {
        #[tokio::test]
        async fn swapping() {
            super::$promise(&crate::ground::Ground::swapping().await).await;
        }
    };
    (@on garage $promise:ident $lack:ident) => {
        promises!(@on garage $lack);
    };
    (@on seaweedfs $promise:ident $lack:ident) => {
        promises!(@on seaweedfs $lack);
    };
    (@on seaweedfs $promise:ident) => {
        #[tokio::test]
        #[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-service --test it -- --ignored seaweedfs"]
        async fn seaweedfs() {
            super::$promise(&crate::ground::Ground::seaweedfs().await).await;
        }
    };
    (@on garage $promise:ident) => {
        #[tokio::test]
        #[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-service --test it -- --ignored garage"]
        async fn garage() {
            super::$promise(&crate::ground::Ground::garage().await).await;
        }
    };
}

mod acts;
mod arrivals;
mod auto_confirm;
mod batch;
mod callers;
mod calls;
mod checks;
mod confirm;
mod delete;
mod destinations;
mod events;
mod faults;
mod faulty;
mod feed;
mod ground;
mod idle;
mod ignoring;
mod large;
mod locks;
mod multipart;
mod profile;
mod quirks;
mod removals;
mod restore;
mod scanner;
mod seeds;
mod staged;
mod swaps;
mod sweep;
mod system;
mod transfer;
mod transitions;
mod usage;
mod watch;
mod weak_store;
