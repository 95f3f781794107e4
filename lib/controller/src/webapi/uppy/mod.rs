//! What Uppy's S3 plugin asks of a Companion, so that setting its endpoint is all that a page has to do.
//!
//! Every upload is a unique draft, named after the file as far as the caller may name it so. Its whole key is the `key` that the page gets back, and what a
//! backend confirms. `POST /s3/sign` alone is for pages that choose keys themselves (`signRequest` of Uppy 6): named drafts.
//!
//! Source: <https://github.com/transloadit/uppy>, packages `aws-s3` 5 and 6 and `companion`.

mod failure;
mod multipart;
mod name;
mod params;
mod query;
mod sign;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use draftstore_service::{Error, Scope};

use self::failure::Failure;
use crate::gate::{Bounds, Front};
use crate::webapi::{Route, shown};
use crate::{Api, Gate};

/// What a caller of any of them must be allowed to do.
pub(crate) const SCOPE: Scope = Scope::Upload;

macro_rules! routes {
    ($($path:literal $($method:ident $handler:expr),+;)*) => {
        /// Every route, relative to the endpoint that Uppy is given, with its methods.
        #[cfg(test)]
        pub(crate) const ROUTES: &[(&str, &[&str])] = &[$(($path, &[$(stringify!($method)),+])),*];

        fn routes() -> Router<Api> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($handler))+))*
        }
    };
}

routes! {
    "/s3/params" get params::params;
    "/s3/multipart" post multipart::create;
    "/s3/multipart/{id}" get multipart::list, delete multipart::abort;
    "/s3/multipart/{id}/batch" get multipart::sign_many;
    "/s3/multipart/{id}/complete" post multipart::complete;
    "/s3/multipart/{id}/{part}" get multipart::sign;
    "/s3/sign" post sign::sign;
}

/// Their router.
pub(super) fn router(gate: &Gate) -> Router<Api> {
    gate.before(routes(), FRONT, bounds_of)
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
}

/// What its messages are in, and how its calls are refused.
const FRONT: Front = Front { envelope: 0, refuse };

/// Those of the calls of the contract that are behind its routes.
fn bounds_of(request: &Request) -> Option<Bounds> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let rpc = if path.ends_with("/complete") {
        "CompleteMultipartUpload"
    } else {
        "CreateMultipartUpload"
    };
    Route::of_rpc(rpc).map(Route::bounds)
}

fn refuse(error: Error) -> Response {
    Failure::from(error).into_response()
}

async fn no_route(request: Request) -> Failure {
    Failure::no_route(&shown(request.uri().path()))
}

async fn wrong_method(request: Request) -> Failure {
    Failure::wrong_method(request.method())
}
