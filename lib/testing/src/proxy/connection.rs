//! One connection of a client: its requests, and what becomes of them.

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

use super::fault::{Fault, Reply, StoreError};
use super::forward::forward;
use super::pause::{Hold, Moment};
use super::plan::{Met, Plan};
use super::request;

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// What connections have in common.
#[derive(Debug, Clone)]
pub(super) struct Serving {
    pub(super) store: SocketAddr,
    pub(super) plan: Arc<Mutex<Plan>>,
    /// Until then there are connections.
    pub(super) until: CancellationToken,
}

/// How a connection ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Broken {
    #[error("closed")]
    Closed,
    #[error("reset")]
    Reset,
}

/// Answers the requests of one connection.
pub(super) async fn serve(stream: TcpStream, serving: Serving) {
    // Without it answers are a little later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, serving.clone()));
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let Err(error) = (&mut connection).await else {
        return;
    };
    let broken = error.source().and_then(|source| source.downcast_ref());
    if broken == Some(&Broken::Reset) {
        // With a linger of zero the system resets where it would close.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

async fn answer(request: Request<Incoming>, serving: Serving) -> Result<Answer, Broken> {
    let plan = Arc::clone(&serving.plan);
    let mut answer = act(request, serving).await?;
    if plan.lock().expect("not poisoned").hides_clock {
        answer.headers_mut().remove(DATE);
    }
    Ok(answer)
}

async fn act(request: Request<Incoming>, serving: Serving) -> Result<Answer, Broken> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Err(Broken::Closed);
    };
    let body = body.to_bytes();
    let met = match request::Request::read(&head, body.len()) {
        Some(request) => serving.plan.lock().expect("not poisoned").on(request),
        None => Met::Nothing,
    };
    let request = Request::from_parts(head, Full::new(body));
    match met {
        Met::Nothing => Ok(whole(ask(serving.store, request).await?)),
        Met::Hold(hold) => Ok(whole(ask_held(serving.store, request, hold).await?)),
        Met::Fault(Fault::Gone) => {
            serving.until.cancel();
            Err(Broken::Closed)
        }
        Met::Fault(Fault::Before(instead)) => reply(instead).await,
        Met::Fault(Fault::After(instead)) => {
            ask(serving.store, request).await?;
            reply(instead).await
        }
        Met::Fault(Fault::Truncated) => {
            let answer = ask(serving.store, request).await?;
            Ok(whole(answer.map(|body| body.slice(..body.len() / 2))))
        }
        Met::Fault(Fault::CutOff) => Ok(cut_off(ask(serving.store, request).await?)),
    }
}

/// In a task of its own: a client that goes away does not take back what it asked for.
async fn ask(store: SocketAddr, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Broken> {
    let asked = tokio::spawn(forward(store, request)).await;
    asked.map_err(|_| Broken::Closed)?.map_err(|_| Broken::Closed)
}

async fn ask_held(store: SocketAddr, request: Request<Full<Bytes>>, hold: Hold) -> Result<Response<Bytes>, Broken> {
    let asked = tokio::spawn(async move {
        let (answer, answered) = match hold.moment {
            Moment::Before => {
                let answered = hold.until_let_go().await;
                (forward(store, request).await, answered)
            }
            Moment::After => (forward(store, request).await, hold.until_let_go().await),
        };
        // The test may not wait for it.
        let _ = answered.send(());
        answer
    });
    asked.await.map_err(|_| Broken::Closed)?.map_err(|_| Broken::Closed)
}

async fn reply(reply: Reply) -> Result<Answer, Broken> {
    match reply {
        Reply::Closed => Err(Broken::Closed),
        Reply::Reset => Err(Broken::Reset),
        Reply::Nothing => std::future::pending().await,
        Reply::Error(error) => Ok(document(error.status(), error)),
        Reply::ErrorInOk => Ok(document(StatusCode::OK, StoreError::InternalError)),
    }
}

fn document(status: StatusCode, error: StoreError) -> Answer {
    let mut answer = Response::new(Bytes::from(error.document()));
    *answer.status_mut() = status;
    let xml = HeaderValue::from_static("application/xml");
    answer.headers_mut().insert(CONTENT_TYPE, xml);
    whole(answer)
}

/// With a length that is right, where there is a body; the length in the answer to a HEAD is the object's.
fn whole(answer: Response<Bytes>) -> Answer {
    let mut answer = answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
    if !hyper::body::Body::is_end_stream(answer.body()) {
        answer.headers_mut().remove(CONTENT_LENGTH);
        answer.headers_mut().remove(TRANSFER_ENCODING);
    }
    answer
}

/// Half of the body, and then the end of the connection.
fn cut_off(answer: Response<Bytes>) -> Answer {
    answer.map(|body| {
        let half = Frame::data(body.slice(..body.len() / 2));
        let frames = stream::iter([Ok(half), Err(io::Error::from(io::ErrorKind::ConnectionReset))]);
        StreamBody::new(frames).boxed_unsync()
    })
}
