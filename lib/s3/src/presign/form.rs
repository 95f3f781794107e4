//! The fields of an upload form, before it is signed.

use std::collections::BTreeMap;

use draftstore_storage::PresignPost;

use crate::calls::attribute_headers;

/// The text that stores replace by the name of the form's file, wherever it is in the key.
pub(super) const FILE_NAME_VARIABLE: &str = "${filename}";

/// Returns the fields that describe the object.
pub(super) fn fields(post: &PresignPost<'_>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("key".to_owned(), post.key.to_string()),
        // With a body that names the object, for clients that cannot see headers.
        ("success_action_status".to_owned(), "201".to_owned()),
    ]);
    if let Some(checksum) = post.checksum_sha256 {
        // Without its name, Garage ignores the checksum.
        fields.insert("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned());
        fields.insert("x-amz-checksum-sha256".to_owned(), checksum.to_string());
    }
    for (name, value) in attribute_headers(post.attributes) {
        // S3 takes the names of fields in any case, and some stores `Content-Type` in this one alone.
        let name = if name == "content-type" {
            "Content-Type".to_owned()
        } else {
            name
        };
        fields.insert(name, value);
    }
    fields
}
