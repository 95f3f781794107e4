//! The routes that Uppy's S3 plugin expects from a Companion, so that a page only has to set its endpoint.
//!
//! Every upload is a unique draft, named after the file as far as the caller's permissions allow. The page gets its key in the
//! store as `key`, and a backend confirms that key. The exception is `POST /s3/sign`, for pages that speak S3 themselves
//! (`signRequest` of Uppy 6): its drafts are named as the page chooses, and unique where the page asks for it or the caller's
//! limits require it.
//!
//! Source: <https://github.com/transloadit/uppy>, packages `aws-s3` 5 and 6 and `companion`.

pub(crate) mod failure;
mod file;
mod multipart;
mod name;
mod params;
mod query;
mod sign;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use self::failure::UppyFailure;
pub(super) use self::failure::refuse;
use crate::Api;
use crate::calls::Rpc;
use crate::errors::Failure;
use crate::gate::{Bounds, Gate};
use crate::path_ticket::redacted_path;

/// The name of all routes in the audit.
pub(super) const RPC: &str = "Uppy";

/// A route, relative to Uppy's endpoint.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    #[cfg(test)]
    pub(crate) method: MethodFilter,
    /// The call whose bounds the route has.
    rpc: Rpc,
    handler: MethodRouter<Api>,
}

impl Route {
    fn new<H, T>(method: MethodFilter, path: &'static str, rpc: Rpc, handler: H) -> Self
    where
        H: Handler<T, Api>,
        T: 'static,
    {
        Self {
            path,
            #[cfg(test)]
            method,
            rpc,
            handler: on(method, handler),
        }
    }
}

/// Returns every route.
pub(crate) fn routes() -> [Route; 8] {
    use MethodFilter as M;
    use Rpc::{AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, GetUploadURL, ListParts};
    [
        Route::new(M::GET, "/s3/params", GetUploadURL, params::params),
        Route::new(M::POST, "/s3/multipart", CreateMultipartUpload, multipart::create),
        Route::new(M::GET, "/s3/multipart/{id}", ListParts, multipart::list),
        Route::new(M::DELETE, "/s3/multipart/{id}", AbortMultipartUpload, multipart::abort),
        Route::new(M::GET, "/s3/multipart/{id}/batch", ListParts, multipart::sign_many),
        Route::new(
            M::POST,
            "/s3/multipart/{id}/complete",
            CompleteMultipartUpload,
            multipart::complete,
        ),
        Route::new(M::GET, "/s3/multipart/{id}/{part}", ListParts, multipart::sign),
        Route::new(M::POST, "/s3/sign", GetUploadURL, sign::sign),
    ]
}

/// Returns the router, every route behind the gate.
pub(super) fn router(api: Api, gate: &Gate) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, route| {
        let bounds = Bounds {
            rpc: RPC,
            ..route.rpc.row().bounds()
        };
        let layer = from_fn_with_state((gate.clone(), bounds), admit);
        router.route(route.path, route.handler.route_layer(layer))
    });
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
}

/// Middleware that puts a request through the gate, and adds the caller as an extension.
async fn admit(State((gate, bounds)): State<(Gate, Bounds)>, request: Request, next: Next) -> Response {
    let run = |admitted, request: http::Request<_>| {
        let mut request = request.map(Body::from);
        request.extensions_mut().insert(admitted);
        next.run(request)
    };
    gate.call(request, bounds, refuse, run).await
}

async fn no_route(request: Request) -> UppyFailure {
    UppyFailure(Failure::NoRoute(redacted_path(request.uri().path()).into_owned()))
}

async fn wrong_method(request: Request) -> UppyFailure {
    UppyFailure(Failure::WrongMethod(request.method().clone()))
}
