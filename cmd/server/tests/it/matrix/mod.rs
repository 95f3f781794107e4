//! Who may do what: every caller × every call × what is its own and what is another tenant's, on both fronts.
//!
//! A cell holds when the call is answered as the caller's scopes say, and when what belongs to another tenant looks exactly as
//! what does not exist. When all is done, nothing of the other tenant's has changed.

mod callers;
mod calls;
mod tenant;
mod uppy;

use tonic::Code;

use self::callers::{Caller, Callers};
use self::calls::{Call, calls};
use self::tenant::{Foreign, Tenant};
use crate::front::{FRONTS, Front};

/// The number of cells that `docs/security.md` states.
const CELLS: usize = 3_098;

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_holds() {
    let callers = Callers::new();
    let server = callers.server();
    let own = Tenant::new(&server, "t1", &callers.root);
    let other = Tenant::new(&server, "t10", &callers.root);
    let foreign = other.settle().await;
    own.draft("own", false).await;
    own.draft("own", true).await;
    own.kept("own-kept").await;
    let mut cells = 0;
    for front in FRONTS {
        for call in calls() {
            for caller in &callers.all {
                cells += check(front, &call, caller, &own, &foreign).await;
            }
            cells += nobody(front, &call, &callers, &own).await;
        }
    }
    for caller in &callers.all {
        cells += uppy::check(caller, &own, &foreign).await;
    }
    cells += uppy::nobody(&callers, &own).await;
    other.assert_unchanged(&foreign).await;
    assert_eq!(cells, CELLS);
    let said = "A test goes through 3,098 cells";
    assert!(
        include_str!("../../../../../docs/security.md").contains(said),
        "docs/security.md states the number of cells"
    );
}

/// Its own, and each way to name what is another's. Gives how many cells that were.
async fn check(front: Front, call: &Call, caller: &Caller, own: &Tenant<'_>, foreign: &Foreign) -> usize {
    let allowed = call.is_allowed(caller);
    let place = format!("{front:?} {} by {}", call.route, caller.name);
    // Without the scope to upload there is nothing of its own to go on with.
    let request = call.own(front, caller, own, allowed).await;
    let answer = own.call(front, caller, call.route, &request).await;
    if allowed {
        let answer = answer.unwrap_or_else(|refused| panic!("{place}: {refused:?} to {request}"));
        call.assert_own(front, caller, own, &answer).await;
    } else {
        let refused = answer.expect_err(&place);
        refused.assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
    }
    let pairs = call.foreign(foreign);
    for (theirs, absent) in &pairs {
        let asked = own.call(front, caller, call.route, theirs).await;
        if allowed {
            let not_there = own.call(front, caller, call.route, absent).await;
            assert_eq!(asked, not_there, "{place}: {theirs} looks unlike {absent}");
        } else {
            let refused = asked.expect_err(&place);
            refused.assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
        }
    }
    1 + pairs.len()
}

/// Without credentials, and with such as are none.
async fn nobody(front: Front, call: &Call, callers: &Callers, own: &Tenant<'_>) -> usize {
    for caller in &callers.nobodies {
        let request = call.own(front, caller, own, false).await;
        let refused = own.call(front, caller, call.route, &request).await;
        let refused = refused.expect_err(call.route);
        refused.assert(401, Code::Unauthenticated, "UNAUTHENTICATED");
    }
    callers.nobodies.len()
}
