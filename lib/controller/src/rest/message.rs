//! JSON messages of requests and responses.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use draftstore_service::Error;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

use super::json::{Document, normalize, write_whole_numbers};
use crate::calls::Size;
use crate::elements::check_json;
use crate::errors::Failure;
use crate::refusal::Refusal;

/// The name of a message that the contract does not have.
pub(super) const NOT_IN_CONTRACT: &str = "";

/// The byte order mark of UTF-8, which some tools write before JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The initial capacity of a response's body, in bytes. Most fit.
const USUAL_REPLY: usize = 1024;

/// Decodes the message in a body. An empty body is the empty message.
///
/// The content type is not checked, so that a plain `curl -d` works. Requests from web pages are the exception: they must have
/// `application/json`, for which browsers send a preflight.
/// A byte order mark is ignored, and encoded bodies are rejected. `message` is its name in the contract.
pub(super) fn decode<T: DeserializeOwned>(
    message: &str,
    headers: &HeaderMap,
    body: &[u8],
    size: Size,
) -> Result<T, Failure> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refusal::Encoding.into());
    }
    if headers.contains_key(header::ORIGIN) && !is_json(headers) {
        return Err(Failure::invalid(
            "content-type",
            "must be application/json from a web page",
        ));
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let json: &[u8] = if body.is_empty() { b"{}" } else { body };
    check_json(json, size.max_elements())?;
    parse(message, json)
}

/// Decodes the message in a query, whose parameters are the fields.
pub(super) fn decode_query<T: DeserializeOwned>(message: &str, query: Option<&str>, size: Size) -> Result<T, Failure> {
    let mut fields = Map::new();
    for pair in query.unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if [name, value]
            .into_iter()
            .any(|text| percent_decode_str(text).decode_utf8().is_err())
        {
            let name = percent_decode_str(name).decode_utf8_lossy();
            return Err(Failure::invalid(&name, "must be percent-encoded UTF-8"));
        }
    }
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if fields.insert(name.clone().into_owned(), value.into()).is_some() {
            return Err(Failure::invalid(&name, "must be in the query once"));
        }
    }
    let json = Value::Object(fields).to_string();
    check_json(json.as_bytes(), size.max_elements())?;
    parse(message, json.as_bytes())
}

/// A message as the JSON body of a response.
#[derive(Debug)]
pub(super) struct Reply<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut json = Vec::with_capacity(USUAL_REPLY);
        match serde_json::to_writer(&mut json, &self.0) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
            Err(error) => Failure::from(Error::Internal(Box::new(error))).into_response(),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(message: &str, json: &[u8]) -> Result<T, Failure> {
    // Most requests need no other form, and tracking the path costs more than parsing. Of two entries of a map with one name, the
    // generated code takes the last.
    let has_objects = json.iter().filter(|byte| **byte == b'{').nth(1).is_some();
    if has_objects && serde_json::from_slice::<Document>(json).is_err() {
        return parse_normalized(message, json);
    }
    serde_json::from_slice(json).or_else(|_| parse_normalized(message, json))
}

fn parse_normalized<T: DeserializeOwned>(message: &str, json: &[u8]) -> Result<T, Failure> {
    let digits = write_whole_numbers(json);
    let mut deserializer = serde_json::Deserializer::from_slice(&digits);
    let mut value = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(Document(value)) => value,
        Err(document) => {
            // The message's own error says more, if it has one.
            let mut deserializer = serde_json::Deserializer::from_slice(json);
            let message = serde_path_to_error::deserialize::<_, T>(&mut deserializer);
            return Err(refusal(message.as_ref().err().unwrap_or(&document)));
        }
    };
    let end = deserializer.end();
    end.map_err(|error| Failure::invalid("body", &format!("must be one JSON object: {error}")))?;
    normalize(message, &mut value);
    serde_path_to_error::deserialize(value).map_err(|error| refusal(&error))
}

/// Returns the failure for the field that does not match the contract, or for the body if it is not JSON.
fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let (path, error) = (error.path().to_string(), error.inner());
    // The generated code repeats what its format says.
    let reason = error.to_string().replace("expected expected one of", "expected one of");
    match error.classify() {
        Category::Data if path == "." => Failure::invalid(
            "body",
            &format!("must be a JSON object with the fields of the request: {reason}"),
        ),
        Category::Data if is_about_a_number(&reason) => Failure::invalid(
            &path,
            "must be a whole number within the range of the field, as a number or a string",
        ),
        Category::Data => Failure::invalid(&path, &format!("must match the schema: {reason}")),
        Category::Syntax | Category::Eof | Category::Io => {
            Failure::invalid("body", &format!("must be valid JSON: {reason}"))
        }
    }
}

/// Returns whether the reason is about a number. The generated mapping tries a number and a string, and reports only that
/// neither matches.
fn is_about_a_number(reason: &str) -> bool {
    let causes = [
        "data did not match any variant",
        "invalid digit",
        "number too",
        "cannot parse integer",
    ];
    causes.iter().any(|cause| reason.starts_with(cause))
}

#[cfg(test)]
mod tests {
    use draftstore_proto::v1::GetUploadUrlRequest;
    use draftstore_service::Violation;
    use prost::Name as _;

    use super::*;

    fn violation(json: &str) -> Violation {
        match parse::<GetUploadUrlRequest>(GetUploadUrlRequest::NAME, json.as_bytes()) {
            Err(Failure::Service(Error::Invalid(mut violations))) => violations.remove(0),
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn invalid_json_names_the_field() {
        for (json, field) in [
            ("", "body"),
            ("[]", "body"),
            ("null", "body"),
            ("{", "body"),
            ("{} {}", "body"),
            (r#"{"object_name": 5}"#, "object_name"),
            (r#"{"object_name": "a", "content_length": "many"}"#, "content_length"),
            (r#"{"object_name": "a", "content_length": 1.5}"#, "content_length"),
            (r#"{"object_name": "a", "expires_in": 99999999999}"#, "expires_in"),
            (r#"{"object_name": "a", "metadata": {"x": 1}}"#, "metadata.x"),
            (r#"{"object_name": "a", "nonsense": 1}"#, "nonsense"),
            (r#"{"object_name": "a", "object_name": "b"}"#, "body"),
            (r#"{"metadata": {"a": "b", "a": "c"}}"#, "metadata"),
            (r#"{"metadata": {"a": "b", "\u0061": "b"}}"#, "metadata"),
            (
                r#"{"storage_options": {"tags": {"a": "b", "a": "c"}}}"#,
                "storage_options.tags",
            ),
        ] {
            let violation = violation(json);
            assert_eq!(violation.field, field, "{json}: {}", violation.rule);
        }
    }

    #[test]
    fn enums_are_listed_in_one_sentence() {
        let json = br#"{"object_name": "a", "stage": 99}"#;
        let failure = parse::<draftstore_proto::v1::GetDownloadUrlRequest>("GetDownloadURLRequest", json);
        let failure = format!("{:?}", failure.expect_err("rejected"));
        assert!(
            failure.contains("expected one of") && !failure.contains("expected expected"),
            "{failure}"
        );
    }

    #[test]
    fn queries_must_be_utf8() {
        let read = |query| {
            let name = draftstore_proto::v1::WatchDraftRequest::NAME;
            match decode_query::<draftstore_proto::v1::WatchDraftRequest>(name, Some(query), Size::One) {
                Ok(message) => Ok(message.object_name),
                Err(Failure::Service(Error::Invalid(mut violations))) => Err(violations.remove(0).field),
                Err(other) => panic!("{query}: {other:?}"),
            }
        };
        assert_eq!(read("object_name=%c3%bc+%EF%BF%BD"), Ok("\u{fc} \u{fffd}".to_owned()));
        assert_eq!(read("object_name=%ff"), Err("object_name".to_owned()));
        assert_eq!(read("%ff=a"), Err("\u{fffd}".to_owned()));
    }

    #[test]
    fn invalid_number_names_the_rule() {
        for number in [
            "\"many\"",
            "\"\"",
            "1.5",
            "9007199254740993.5",
            "1e19",
            "99999999999999999999",
            "true",
            "[]",
        ] {
            let violation = violation(&format!(r#"{{"content_length": {number}}}"#));
            assert!(
                violation.rule.starts_with("must be a whole number"),
                "{number}: {}",
                violation.rule
            );
        }
    }

    #[test]
    fn snake_case_camel_case_and_numbers_in_strings_are_read() {
        let snake = r#"{"object_name": "a", "content_length": "7"}"#;
        let camel = r#"{"objectName": "a", "contentLength": 7}"#;
        let snake: GetUploadUrlRequest = parse(GetUploadUrlRequest::NAME, snake.as_bytes()).expect("parses");
        let camel: GetUploadUrlRequest = parse(GetUploadUrlRequest::NAME, camel.as_bytes()).expect("parses");
        assert_eq!(snake, camel);
        assert_eq!(snake.content_length, Some(7));
    }

    /// Parses a message of the contract by the name of its rpc's request, and returns it as the server writes it.
    struct Parse<'j>(&'j str);

    impl crate::calls::Visitor for Parse<'_> {
        type Output = (&'static str, Result<Vec<u8>, String>);

        fn visit<R: crate::calls::RpcRequest + crate::api::Mapping>(self) -> Self::Output {
            self.parsed::<R>()
        }

        fn visit_stream<R: crate::calls::RpcRequest + crate::api::StreamMapping>(self) -> Self::Output {
            self.parsed::<R>()
        }
    }

    impl Parse<'_> {
        fn parsed<R: crate::calls::RpcRequest>(self) -> (&'static str, Result<Vec<u8>, String>) {
            let parsed: Result<R, Failure> = parse(R::NAME, self.0.as_bytes());
            let written = parsed.map(|message| message.encode_to_vec());
            (R::NAME, written.map_err(|failure| format!("{failure:?}")))
        }
    }

    /// Returns documents with this value in each field in turn, in either spelling, and within messages.
    fn documents(
        messages: &[prost_types::DescriptorProto],
        message: &str,
        value: impl Fn(&prost_types::FieldDescriptorProto) -> Option<String> + Copy,
    ) -> Vec<String> {
        use prost_types::field_descriptor_proto::{Label, Type};

        let message = messages
            .iter()
            .find(|known| known.name() == message)
            .expect("a message");
        let mut documents = Vec::new();
        for field in &message.field {
            for name in [field.name(), field.json_name()] {
                documents.extend(value(field).map(|value| format!(r#"{{"{name}":{value}}}"#)));
            }
            let inner = field.type_name().strip_prefix(".draft.v1.").unwrap_or_default();
            if field.r#type() == Type::Message && messages.iter().any(|known| known.name() == inner) {
                for inner in self::documents(messages, inner, value) {
                    let inner = if field.label() == Label::Repeated {
                        format!("[{inner}]")
                    } else {
                        inner
                    };
                    documents.push(format!(r#"{{"{}":{inner}}}"#, field.name()));
                }
            }
        }
        documents
    }

    #[test]
    fn null_and_whole_numbers_are_read_for_every_field_of_every_message() {
        use prost::Message as _;
        use prost_types::field_descriptor_proto::{Label, Type};

        let files = prost_types::FileDescriptorSet::decode(draftstore_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
        let messages: Vec<_> = files.file.into_iter().flat_map(|file| file.message_type).collect();
        let is_whole = |field: &prost_types::FieldDescriptorProto| {
            matches!(field.r#type(), Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64)
                && field.label() != Label::Repeated
        };
        let (mut nulls, mut numbers) = (0, 0);
        for call in crate::calls::CALLS {
            let (name, empty) = call.rpc.visit(Parse("{}"));
            for document in documents(&messages, name, |_| Some("null".to_owned())) {
                let (_, read) = call.rpc.visit(Parse(&document));
                assert!(read.is_ok(), "{name} {document}: {read:?}");
                // A message within may be there, and empty.
                if document.matches('{').count() == 1 {
                    assert_eq!(read, empty, "{name} {document}");
                }
                nulls += 1;
            }
            let of = |number: &'static str| move |field: &_| is_whole(field).then(|| number.to_owned());
            for (number, plain) in [
                ("1e18", "1000000000000000000"),
                ("9223372036854775807.0", "9223372036854775807"),
            ] {
                for (document, plain) in
                    documents(&messages, name, of(number))
                        .iter()
                        .zip(documents(&messages, name, of(plain)))
                {
                    let (_, read) = call.rpc.visit(Parse(document));
                    let (_, plain) = call.rpc.visit(Parse(&plain));
                    assert_eq!(read.is_ok(), plain.is_ok(), "{name} {document}");
                    assert!(plain.is_err() || read == plain, "{name} {document}: {read:?}");
                }
            }
            let expected = documents(&messages, name, of("1000"));
            for number in ["1000.0", "1e3", "1E+3", "10000e-1", "\"1000\"", "\"1e3\"", "\"1000.0\""] {
                for (document, plain) in documents(&messages, name, of(number)).iter().zip(&expected) {
                    let (_, read) = call.rpc.visit(Parse(document));
                    let (_, plain) = call.rpc.visit(Parse(plain));
                    assert!(read.is_ok() && read == plain, "{name} {document}: {read:?}");
                    numbers += 1;
                }
            }
            for wrong in ["1000.5", "1e-3", "\"many\"", "1e30", "true"] {
                for document in documents(&messages, name, of(wrong)) {
                    let (_, read) = call.rpc.visit(Parse(&document));
                    assert!(read.expect_err("rejected").contains("must be"), "{name} {document}");
                }
            }
        }
        assert!(nulls > 100 && numbers > 100, "{nulls} and {numbers}");
    }

    #[test]
    fn byte_order_mark_is_ignored_and_encodings_are_rejected() {
        let read = |encoding: Option<&'static str>, body: &[u8]| {
            let mut headers = HeaderMap::new();
            if let Some(encoding) = encoding {
                headers.insert(header::CONTENT_ENCODING, axum::http::HeaderValue::from_static(encoding));
            }
            decode::<GetUploadUrlRequest>(GetUploadUrlRequest::NAME, &headers, body, Size::One)
        };
        for (encoding, body) in [
            (None, &b"\xef\xbb\xbf{\"object_name\":\"a\"}"[..]),
            (Some("identity"), b"{\"object_name\":\"a\"}"),
        ] {
            assert_eq!(read(encoding, body).expect("read").object_name, "a");
        }
        for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity", "x"] {
            let failure = read(Some(encoding), b"{}").expect_err("rejected");
            assert_eq!(failure.row().reason.http.as_u16(), 415, "{encoding}");
        }
    }
}
