//! What a request and its answer are counted by. Closed sets, all of them: nothing of them comes from outside.

use axum::http::{Response, StatusCode, header::HeaderName};
use draftstore_service::closed_set;
use tonic::Code;

use crate::grpc::CALLS as GRPC_CALLS;
use crate::webapi::{Route, without_ticket};

/// Where gRPC says what came of a call, if not behind the answer's body: then it was answered.
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Where Uppy's routes are.
const UPPY: &str = "/uppy/";

closed_set! {
    /// A port.
    pub enum Port {
        /// REST.
        Rest = "rest",
        /// gRPC.
        Grpc = "grpc",
    }
}

closed_set! {
    /// What is asked for.
    pub enum Rpc {
        /// A call of the contract.
        CreateDraftBucket = "CreateDraftBucket",
        /// A call of the contract.
        GetUploadURL = "GetUploadURL",
        /// A call of the contract.
        BatchGetUploadURLs = "BatchGetUploadURLs",
        /// A call of the contract.
        GetDownloadURL = "GetDownloadURL",
        /// A call of the contract.
        ConfirmUpload = "ConfirmUpload",
        /// A call of the contract.
        BatchConfirmUploads = "BatchConfirmUploads",
        /// A call of the contract.
        InspectDraft = "InspectDraft",
        /// A call of the contract.
        DiscardDraft = "DiscardDraft",
        /// A call of the contract.
        ListDrafts = "ListDrafts",
        /// A call of the contract.
        ListObjects = "ListObjects",
        /// A call of the contract.
        CreateMultipartUpload = "CreateMultipartUpload",
        /// A call of the contract.
        SignParts = "SignParts",
        /// A call of the contract.
        ListParts = "ListParts",
        /// A call of the contract.
        CompleteMultipartUpload = "CompleteMultipartUpload",
        /// A call of the contract.
        AbortMultipartUpload = "AbortMultipartUpload",
        /// A call of the contract.
        CreateTicket = "CreateTicket",
        /// Any of Uppy's routes.
        Uppy = "Uppy",
        /// Whether it is well, on either port.
        Health = "health",
        /// Pages, descriptions, and what there is not.
        Other = "other",
    }
}

impl Rpc {
    /// What the path of a request asks for.
    pub fn of_path(port: Port, path: &str) -> Self {
        let place = match port {
            Port::Rest => {
                let path = without_ticket(path);
                match Route::place_of_path(path) {
                    Some(place) => place,
                    None if path.starts_with(UPPY) => return Self::Uppy,
                    None if path == "/health" || path.starts_with("/health/") => return Self::Health,
                    None => return Self::Other,
                }
            }
            Port::Grpc => match path.strip_prefix(GRPC_CALLS) {
                Some(rpc) => match Route::place_of_rpc(rpc) {
                    Some(place) => place,
                    None => return Self::Other,
                },
                None if path.starts_with("/grpc.health.v1.Health/") => return Self::Health,
                None => return Self::Other,
            },
        };
        Self::ALL[place]
    }
}

/// The names of gRPC's codes, each at its number.
pub const CODES: &[&str] = &[
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

/// What came of a request, from the head of its answer.
pub fn code_of<B>(answer: &Response<B>) -> Code {
    if let Some(code) = answer.extensions().get() {
        return *code;
    }
    if let Some(status) = answer.headers().get(GRPC_STATUS) {
        return Code::from_bytes(status.as_bytes());
    }
    match answer.status() {
        status if !(status.is_client_error() || status.is_server_error()) => Code::Ok,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

closed_set! {
    /// Why something was refused or cut off that might have been granted at another time, or in another size.
    pub enum Limit {
        /// Connections that are open.
        Connections = "connections",
        /// The time for the head of a request.
        HeaderTimeout = "header_timeout",
        /// The time without a request.
        IdleTimeout = "idle_timeout",
        /// The time for a client to read.
        WriteTimeout = "write_timeout",
        /// The time for the body of a request.
        BodyTimeout = "body_timeout",
        /// The size of the body of a request.
        BodySize = "body_size",
        /// The time for an answer.
        CallTimeout = "call_timeout",
        /// Requests that are being answered.
        Concurrency = "concurrency",
        /// Requests of an address.
        AddressRate = "address_rate",
        /// Requests of a caller.
        CallerRate = "caller_rate",
        /// Confirms of a caller.
        ConfirmRate = "confirm_rate",
    }
}

/// The limit that an answer is owed to; none: another reason, or it was granted.
pub fn limit_of<B>(answer: &Response<B>) -> Option<Limit> {
    answer.extensions().get().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webapi::ROUTES;

    #[test]
    fn calls_are_told_by_their_paths_and_everything_else_is_one() {
        for (place, route) in ROUTES.iter().enumerate() {
            let by_grpc = Rpc::of_path(Port::Grpc, &format!("/draft.v1.DraftService/{}", route.rpc));
            for rpc in [Rpc::of_path(Port::Rest, route.path), by_grpc] {
                assert_eq!((rpc.as_str(), rpc as usize), (route.rpc, place));
            }
            let with_ticket = format!("/t/dst_x{}", route.path);
            assert_eq!(Rpc::of_path(Port::Rest, &with_ticket).as_str(), route.rpc);
        }
        for (port, path, expected) in [
            (Port::Rest, "/uppy/s3/params", Rpc::Uppy),
            (Port::Rest, "/t/dst_x/uppy/s3/params", Rpc::Uppy),
            (Port::Rest, "/health", Rpc::Health),
            (Port::Rest, "/health/ready", Rpc::Health),
            (Port::Rest, "/healthy", Rpc::Other),
            (Port::Rest, "/draft.v1.DraftService/ConfirmUpload", Rpc::Other),
            (Port::Rest, "/t/x", Rpc::Other),
            (Port::Grpc, "/grpc.health.v1.Health/Check", Rpc::Health),
            (Port::Grpc, "/draft.v1.DraftService/Nothing", Rpc::Other),
            (Port::Grpc, "/api/v1/upload-url", Rpc::Other),
            (Port::Grpc, "", Rpc::Other),
        ] {
            assert_eq!(Rpc::of_path(port, path), expected, "{path}");
        }
    }

    #[test]
    fn codes_are_at_their_numbers() {
        for (number, name) in CODES.iter().enumerate() {
            let code = Code::from(i32::try_from(number).expect("small"));
            let camel = format!("{code:?}").to_lowercase();
            assert_eq!(name.replace('_', "").to_lowercase(), camel);
        }
    }

    #[test]
    fn answers_without_a_code_are_judged_by_their_status() {
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
            assert_eq!(code_of(&answer), code, "{status}");
        }
    }
}
