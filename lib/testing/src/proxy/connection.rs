//! A connection of a client: forwarding of its requests, and injection of faults.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::fault::{FaultReply, InjectedError, InjectedFault};
use super::forward::forward;
use super::pause::{Hold, Moment};
use super::plan::{Action, FaultPlan};
use super::quirk::QuirkyStore;
use super::request;
use crate::StoreEndpoint;

type ProxyResponse = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// The shared state of all connections.
#[derive(Debug, Clone)]
pub(super) struct ProxyState {
    pub(super) store: SocketAddr,
    pub(super) endpoint: StoreEndpoint,
    pub(super) plan: Arc<Mutex<FaultPlan>>,
    /// Ends all connections when cancelled.
    pub(super) shutdown: CancellationToken,
}

/// The way a connection ends without a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectionEnd {
    #[error("closed")]
    Closed,
    #[error("reset")]
    Reset,
}

/// Serves the requests of a connection.
pub(super) async fn serve(stream: TcpStream, state: ProxyState) {
    // Without this option responses have a small delay.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| handle(request, state.clone()));
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else {
        return;
    };
    let end = error.source().and_then(|source| source.downcast_ref());
    if end == Some(&ConnectionEnd::Reset) {
        // With a zero linger, closing the socket resets the connection.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn handle(request: Request<Incoming>, state: ProxyState) -> Result<ProxyResponse, ConnectionEnd> {
    let plan = Arc::clone(&state.plan);
    let mut response = apply_plan(request, state).await?;
    if plan.lock().expect("not poisoned").hides_clock {
        response.headers_mut().remove(DATE);
    }
    Ok(response)
}

async fn apply_plan(request: Request<Incoming>, state: ProxyState) -> Result<ProxyResponse, ConnectionEnd> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Err(ConnectionEnd::Closed);
    };
    let body = body.to_bytes();
    let read = request::Request::read(&head, body.len());
    let operation = read.as_ref().map(|request| request.operation);
    let (action, quirks) = {
        let mut plan = state.plan.lock().expect("not poisoned");
        let action = read.map_or(Action::Nothing, |request| plan.on(request));
        (action, plan.quirks.clone())
    };
    let request = Request::from_parts(head, Full::new(body));
    if let (Action::Nothing, Some(operation)) = (&action, operation) {
        let store = QuirkyStore {
            address: state.store,
            endpoint: state.endpoint.clone(),
        };
        for quirk in quirks {
            if let Some(response) = quirk.serve(&store, operation, &request).await? {
                return Ok(complete(response));
            }
        }
    }
    match action {
        Action::Nothing => Ok(complete(forward_detached(state.store, request).await?)),
        Action::Hold(hold) => Ok(complete(forward_held(state.store, request, hold).await?)),
        Action::InjectedFault(InjectedFault::Gone) => {
            state.shutdown.cancel();
            Err(ConnectionEnd::Closed)
        }
        Action::InjectedFault(InjectedFault::Before(instead)) => reply(instead).await,
        Action::InjectedFault(InjectedFault::After(instead)) => {
            forward_detached(state.store, request).await?;
            reply(instead).await
        }
        Action::InjectedFault(InjectedFault::Truncated) => {
            let response = forward_detached(state.store, request).await?;
            Ok(complete(response.map(|body| body.slice(..body.len() / 2))))
        }
        Action::InjectedFault(InjectedFault::CutOff) => Ok(cut_off(forward_detached(state.store, request).await?)),
    }
}

/// Forwards a request in a task of its own, because a client that disconnects does not cancel its request.
async fn forward_detached(store: SocketAddr, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, ConnectionEnd> {
    let forwarded = tokio::spawn(forward(store, request)).await;
    forwarded
        .map_err(|_| ConnectionEnd::Closed)?
        .map_err(|_| ConnectionEnd::Closed)
}

async fn forward_held(
    store: SocketAddr,
    request: Request<Full<Bytes>>,
    hold: Hold,
) -> Result<Response<Bytes>, ConnectionEnd> {
    let forwarded = tokio::spawn(async move {
        let (response, done) = match hold.moment {
            Moment::Before => {
                let done = hold.until_released().await;
                (forward(store, request).await, done)
            }
            Moment::After => (forward(store, request).await, hold.until_released().await),
        };
        // The test may not be waiting.
        let _ = done.send(());
        response
    });
    forwarded
        .await
        .map_err(|_| ConnectionEnd::Closed)?
        .map_err(|_| ConnectionEnd::Closed)
}

async fn reply(reply: FaultReply) -> Result<ProxyResponse, ConnectionEnd> {
    match reply {
        FaultReply::Closed => Err(ConnectionEnd::Closed),
        FaultReply::Reset => Err(ConnectionEnd::Reset),
        FaultReply::Nothing => std::future::pending().await,
        FaultReply::Error(error) => Ok(error_response(error.status(), error)),
        FaultReply::ErrorInOk => Ok(error_response(StatusCode::OK, InjectedError::InternalError)),
    }
}

fn error_response(status: StatusCode, error: InjectedError) -> ProxyResponse {
    let mut response = Response::new(Bytes::from(error.document()));
    *response.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, xml);
    complete(response)
}

/// Corrects the length of a response with a body. The response to a HEAD keeps the length of the object.
fn complete(response: Response<Bytes>) -> ProxyResponse {
    let mut response = response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
    if !hyper::body::Body::is_end_stream(response.body()) {
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().remove(TRANSFER_ENCODING);
    }
    response
}

/// Sends half of the body, and then ends the connection.
fn cut_off(response: Response<Bytes>) -> ProxyResponse {
    response.map(|body| {
        let half = Frame::data(body.slice(..body.len() / 2));
        let frames = stream::iter([Ok(half), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
        StreamBody::new(frames).boxed_unsync()
    })
}
