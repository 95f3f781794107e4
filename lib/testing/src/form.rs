//! Encoding of `multipart/form-data`, like that of a browser or curl.

use std::collections::BTreeMap;

/// Returns the content type and the body of a form with these fields, followed by the file (RFC 7578).
pub fn form(fields: &BTreeMap<String, String>, file: &[u8]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "----------------------draftstore";
    let part = |name: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"");
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(format!("{}\r\n\r\n{value}\r\n", part(name)).as_bytes());
    }
    let head = format!("{}; filename=\"file\"\r\ncontent-type: text/html\r\n\r\n", part("file"));
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}
