//! What answers a request: a call of the contract, behind the gate, or whatever else there is.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};

use super::FRONT;
use super::problem::Problem;
use super::routes::{Answer, ROUTES, Route};
use crate::Gate;
use crate::around::answer_of;

/// The contract's calls are found in their own table: a router would look for their paths in a tree, note in the request what
/// it has found, and have a clone of itself and two boxes for each request, which is a tenth of the instructions that answering one takes.
pub(super) struct Dispatch {
    pub(super) gate: Gate,
    /// Of [`ROUTES`], in their order.
    pub(super) calls: Vec<Answer>,
    /// All that is no call.
    pub(super) others: Router,
}

impl Dispatch {
    pub(super) async fn answer(&self, request: Request) -> Response {
        let Some(place) = Route::place_of_path(request.uri().path()) else {
            return answer_of(self.others.clone(), request).await;
        };
        if request.method() != Method::POST {
            return ([(header::ALLOW, "POST")], Problem::wrong_method(request.method())).into_response();
        }
        self.gate
            .pass(FRONT, ROUTES[place].bounds(), request, &self.calls[place])
            .await
    }
}
