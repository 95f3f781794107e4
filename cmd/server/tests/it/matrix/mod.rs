//! The test of authorization: every caller × every call × own objects and those of another tenant, on both fronts.
//!
//! A cell passes if the scopes of the caller decide about the call, and if another tenant's objects look exactly like objects
//! that do not exist. At the end, the other tenant's objects are unchanged.

mod callers;
mod calls;
mod tenant;
mod uppy;

use serde_json::Value;
use tonic::Code;

use self::callers::{Caller, Callers};
use self::calls::{Call, calls};
use self::tenant::{Foreign, Tenant};
use crate::front::{FRONTS, Front};

/// The number of cells that `docs/security.md` states.
const CELLS: usize = 5_914;

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_holds() {
    let callers = Callers::new();
    let server = callers.server();
    server.keep_versions().await;
    let own = Tenant::new(&server, "t1", &callers.root);
    let other = Tenant::new(&server, "t10", &callers.root);
    let foreign = other.settle().await;
    own.draft("own", false).await;
    own.draft("own", true).await;
    own.kept("own-kept").await;
    server.count_usage().await;
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
    let said = "A test goes through 5,914 cells";
    assert!(
        include_str!("../../../../../docs/security.md").contains(said),
        "docs/security.md states the number of cells"
    );
}

/// Checks own objects, and each way to name another tenant's. Returns the number of cells.
async fn check(front: Front, call: &Call, caller: &Caller, own: &Tenant<'_>, foreign: &Foreign) -> usize {
    let allowed = call.is_allowed(caller);
    let place = format!("{front:?} {} by {}", call.route, caller.name);
    // Without the scope to upload, the caller has no objects.
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
            let [asked, not_there] = [asked, not_there].map(|answer| answer.map(without_request));
            assert_eq!(asked, not_there, "{place}: {theirs} looks unlike {absent}");
        } else {
            let refused = asked.expect_err(&place);
            refused.assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
        }
    }
    1 + pairs.len()
}

/// Returns a response without what is in the request, such as the time in a draft ID.
fn without_request(mut answer: Value) -> Value {
    if let Some(fields) = answer.as_object_mut().filter(|fields| fields.contains_key("state")) {
        for field in ["object_name", "draft_id", "expires_at"] {
            fields.remove(field);
        }
    }
    answer
}

/// Checks requests without credentials, and with invalid ones.
async fn nobody(front: Front, call: &Call, callers: &Callers, own: &Tenant<'_>) -> usize {
    for caller in &callers.nobodies {
        let request = call.own(front, caller, own, false).await;
        let refused = own.call(front, caller, call.route, &request).await;
        let refused = refused.expect_err(call.route);
        refused.assert(401, Code::Unauthenticated, caller.refused_as());
    }
    callers.nobodies.len()
}
