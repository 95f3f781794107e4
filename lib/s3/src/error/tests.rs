//! The meaning of each code and status, and what an error shows.

use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::SdkBody;

use super::*;

fn service_error(status: u16, code: Option<&str>, message: &str) -> SdkError<HeadObjectError> {
    let raw = HttpResponse::new(
        status.try_into().expect("a status"),
        SdkBody::from("X-Amz-Signature=hush"),
    );
    let mut meta = ErrorMetadata::builder().message(message);
    if let Some(code) = code {
        meta = meta.code(code);
    }
    SdkError::service_error(HeadObjectError::generic(meta.build()), raw)
}

fn kind(status: u16, code: Option<&str>) -> ErrorKind {
    read(&service_error(status, code, "")).0
}

#[test]
fn codes_say_what_an_answer_means() {
    let expected = [
        (404, "NoSuchKey", ErrorKind::NotFound),
        (404, "NoSuchUpload", ErrorKind::NotFound),
        (404, "NotFound", ErrorKind::NotFound),
        (404, "NoSuchBucket", ErrorKind::BucketNotFound),
        (412, "PreconditionFailed", ErrorKind::PreconditionFailed),
        (409, "ConditionalRequestConflict", ErrorKind::Conflict),
        (409, "OperationAborted", ErrorKind::Conflict),
        (400, "InvalidPart", ErrorKind::Conflict),
        (400, "EntityTooLarge", ErrorKind::TooLarge),
        (400, "KeyTooLongError", ErrorKind::TooLarge),
        (400, "MetadataTooLarge", ErrorKind::TooLarge),
        (403, "AccessDenied", ErrorKind::CredentialsRefused),
        (403, "InvalidAccessKeyId", ErrorKind::CredentialsRefused),
        (403, "SignatureDoesNotMatch", ErrorKind::CredentialsRefused),
        (403, "RequestTimeTooSkewed", ErrorKind::CredentialsRefused),
        (400, "ExpiredToken", ErrorKind::CredentialsRefused),
        (400, "InvalidToken", ErrorKind::CredentialsRefused),
        (400, "AuthorizationHeaderMalformed", ErrorKind::CredentialsRefused),
        (409, "BucketAlreadyExists", ErrorKind::CredentialsRefused),
        (403, "InvalidObjectState", ErrorKind::Archived),
        (501, "NotImplemented", ErrorKind::Unsupported),
        (405, "MethodNotAllowed", ErrorKind::Unsupported),
        (500, "InternalError", ErrorKind::Unavailable),
        (200, "InternalError", ErrorKind::Unavailable),
        (503, "SlowDown", ErrorKind::Unavailable),
        (400, "RequestTimeout", ErrorKind::Unavailable),
        (400, "MalformedXML", ErrorKind::Unexpected),
        (301, "PermanentRedirect", ErrorKind::Unexpected),
    ];
    for (status, code, meaning) in expected {
        assert_eq!(kind(status, Some(code)), meaning, "{status} {code}");
    }
}

#[test]
fn an_answer_without_a_known_code_means_what_its_status_says() {
    let expected = [
        (200, ErrorKind::Unexpected),
        (301, ErrorKind::Unexpected),
        (400, ErrorKind::Unexpected),
        (401, ErrorKind::CredentialsRefused),
        (403, ErrorKind::CredentialsRefused),
        (404, ErrorKind::NotFound),
        (405, ErrorKind::Unsupported),
        (408, ErrorKind::Unavailable),
        (409, ErrorKind::Conflict),
        (412, ErrorKind::PreconditionFailed),
        (413, ErrorKind::TooLarge),
        (429, ErrorKind::Unavailable),
        (500, ErrorKind::Unavailable),
        (501, ErrorKind::Unsupported),
        (502, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
        (504, ErrorKind::Unavailable),
        (599, ErrorKind::Unavailable),
    ];
    for (status, meaning) in expected {
        assert_eq!(kind(status, None), meaning, "{status}");
        assert_eq!(kind(status, Some("NeverHeardOf")), meaning, "{status} with a code");
    }
}

#[test]
fn a_copy_over_five_gib_is_too_large() {
    let said = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
    assert_eq!(
        read(&service_error(400, Some("InvalidRequest"), said)).0,
        ErrorKind::TooLarge
    );
    assert_eq!(
        read(&service_error(400, Some("InvalidRequest"), "")).0,
        ErrorKind::Unexpected
    );
}

#[test]
fn an_upload_that_garage_has_just_ended_is_not_found() {
    let said = "Bad request: No data was uploaded";
    assert_eq!(
        read(&service_error(400, Some("InvalidRequest"), said)).0,
        ErrorKind::NotFound
    );
}

#[test]
fn lack_of_credentials_is_told_from_lack_of_a_connection() {
    type Failure = SdkError<HeadObjectError>;
    let connector = |source| aws_sdk_s3::error::ConnectorError::other(source, None);
    let lacking = Failure::dispatch_failure(connector(CredentialsError::not_loaded_no_source().into()));
    assert_eq!(read(&lacking).0, ErrorKind::CredentialsRefused);
    let unreachable = Failure::dispatch_failure(aws_sdk_s3::error::ConnectorError::io("refused".into()));
    assert_eq!(read(&unreachable).0, ErrorKind::Unavailable);
    assert_eq!(read(&Failure::timeout_error("late")).0, ErrorKind::Unavailable);
    assert_eq!(
        read(&Failure::construction_failure("bad header")).0,
        ErrorKind::Unexpected
    );
}

#[test]
fn an_answer_that_breaks_off_means_unavailable_unless_its_status_says_more() {
    let cut = |status: u16| {
        let raw = HttpResponse::new(status.try_into().expect("a status"), SdkBody::empty());
        read(&SdkError::<HeadObjectError>::response_error("connection reset", raw)).0
    };
    assert_eq!(cut(200), ErrorKind::Unavailable);
    assert_eq!(cut(403), ErrorKind::CredentialsRefused);
}

#[test]
fn errors_name_the_call_and_never_show_the_raw_answer() {
    let bucket: BucketName = "main-draft".parse().expect("valid");
    let key = ObjectKey::new("a b.txt").expect("valid");
    let call = Call::on_key(Operation::HeadObject, &bucket, &key);
    let error = call.failed(&service_error(
        403,
        Some("SignatureDoesNotMatch"),
        "it does\n not match",
    ));
    assert_eq!(
        error.to_string(),
        "HeadObject of main-draft/a b.txt: the store refused the credentials"
    );
    let source = error.source.to_string();
    assert_eq!(
        source,
        "403 SignatureDoesNotMatch: it does not match (request ID unknown)"
    );
    assert!(!format!("{error:?}").contains("hush"));
}
