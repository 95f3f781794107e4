//! The labels of requests in metrics and traces. They are closed sets: no label comes from a client.

use axum::http::{HeaderName, Response, StatusCode};
use tonic::Code;

use crate::calls::{CALLS, Call, GRPC_PREFIX};
use crate::path_ticket::without_ticket;
use crate::refusal::Limit;
use crate::rest::HOOK_PATH;

/// The header with gRPC's status, in responses without a body. With a body, the status is in the trailers.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The beginning of Uppy's paths.
pub(crate) const UPPY_PREFIX: &str = "/uppy/";

// The labels of requests that are not calls.
const UPPY: &str = "Uppy";
pub(crate) const HOOK: &str = "StoreHook";
const HEALTH: &str = "health";
const OTHER: &str = "other";

/// Returns the labels of requests: the name of each call, all routes of Uppy, notifications of the store, health on either port, and all others.
pub fn all() -> Vec<&'static str> {
    let calls = CALLS.iter().map(|call| call.rpc.as_str());
    calls.chain([UPPY, HOOK, HEALTH, OTHER]).collect()
}

/// Returns the label of a REST path.
pub fn of_rest_path(path: &str) -> &'static str {
    let path = without_ticket(path);
    match Call::at_path(path) {
        Some(call) => call.rpc.as_str(),
        None if path.starts_with(UPPY_PREFIX) => UPPY,
        None if path == HOOK_PATH => HOOK,
        None if path == "/health" || path.starts_with("/health/") => HEALTH,
        None => OTHER,
    }
}

/// Returns the label of a gRPC path.
pub fn of_grpc_path(path: &str) -> &'static str {
    match path.strip_prefix(GRPC_PREFIX) {
        Some(name) => Call::named(name).map_or(OTHER, |call| call.rpc.as_str()),
        None if path.starts_with("/grpc.health.v1.Health/") => HEALTH,
        None => OTHER,
    }
}

/// The names of gRPC's codes, indexed by number.
pub(crate) const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Returns the name of the gRPC code of a response, from its status and headers.
pub fn code_of<B>(response: &Response<B>) -> &'static str {
    CODES[code(response) as usize]
}

fn code<B>(response: &Response<B>) -> Code {
    if let Some(code) = response.extensions().get() {
        return *code;
    }
    if let Some(status) = response.headers().get(GRPC_STATUS) {
        return Code::from_bytes(status.as_bytes());
    }
    match response.status() {
        status if !(status.is_client_error() || status.is_server_error()) => Code::Ok,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

/// Returns the limit that the request exceeded, if it was refused for one.
pub fn limit_of<B>(response: &Response<B>) -> Option<Limit> {
    response.extensions().get().copied()
}

#[cfg(test)]
mod tests {
    use draftstore_proto::v1::draft_service_server::SERVICE_NAME;

    use super::*;

    #[test]
    fn paths_of_calls_have_labels_and_all_others_share_one() {
        assert_eq!(GRPC_PREFIX, format!("/{SERVICE_NAME}/"));
        for call in CALLS {
            let by_grpc = of_grpc_path(&format!("/draft.v1.DraftService/{}", call.rpc.as_str()));
            let with_ticket = of_rest_path(&format!("/t/dst_x{}", call.path));
            assert_eq!([of_rest_path(call.path), by_grpc, with_ticket], [call.rpc.as_str(); 3]);
        }
        for (path, expected) in [
            ("/uppy/s3/params", "Uppy"),
            ("/t/dst_x/uppy/s3/params", "Uppy"),
            ("/health", "health"),
            ("/health/ready", "health"),
            ("/healthy", "other"),
            ("/draft.v1.DraftService/ConfirmUpload", "other"),
            ("/t/x", "other"),
        ] {
            assert_eq!(of_rest_path(path), expected, "{path}");
        }
        for (path, expected) in [
            ("/grpc.health.v1.Health/Check", "health"),
            ("/draft.v1.DraftService/Nothing", "other"),
            ("/api/v1/upload-url", "other"),
            ("", "other"),
        ] {
            assert_eq!(of_grpc_path(path), expected, "{path}");
        }
    }

    #[test]
    fn grpc_code_names_match_their_numbers() {
        for (number, name) in CODES.iter().enumerate() {
            let code = Code::from(i32::try_from(number).expect("small"));
            let camel = format!("{code:?}").to_lowercase();
            assert_eq!(name.replace('_', "").to_lowercase(), camel);
        }
    }

    #[test]
    fn responses_without_a_grpc_code_get_one_from_their_status() {
        for (status, code) in [
            (200, Code::Ok),
            (204, Code::Ok),
            (304, Code::Ok),
            (404, Code::Unimplemented),
            (401, Code::Unauthenticated),
            (415, Code::InvalidArgument),
            (500, Code::Internal),
            (503, Code::Unavailable),
        ] {
            let answer = Response::builder().status(status).body(()).expect("an answer");
            assert_eq!(super::code(&answer), code, "{status}");
        }
    }
}
