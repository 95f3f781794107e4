//! Texts that callers hold for us: draft IDs, whole keys, upload IDs, checksums, ETags. What is taken is what was given.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_protocol::upload::Token;
use draftstore_service::draft::{DraftId, PartToSign, SignParts, UploadName};
use draftstore_service::{Error, ObjectName};
use draftstore_storage::{ETag, Sha256};

use crate::offline::{wait, with_drafts};

const NAME: &str = "a/b c.jpg";

/// Flags, mark, end, length, part size: what is before the store's own ID in an upload's.
const HEAD: usize = 1 + 16 + 8 + 8 + 8;

/// The version of the layout.
const VERSION: u8 = 2;

const MIB: u64 = 1024 * 1024;

/// Parses the data as texts of every kind, and as the content of a sealed upload ID.
pub fn run(data: &[u8]) {
    sealed(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(id) = text.parse::<DraftId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Ok(name) = with_drafts(|drafts| drafts.of_whole_key(text)) {
        assert!(name.object_name.parse::<ObjectName>().is_ok());
        assert_eq!(with_drafts(|drafts| drafts.whole_key(&name)).expect("it was one"), text);
    }
    if let Ok(etag) = text.parse::<ETag>() {
        assert!(etag.as_str().bytes().all(|b| b.is_ascii_graphic() && b != b'"'));
        assert_eq!(etag.quoted().parse::<ETag>().as_ref(), Ok(&etag));
    }
    if let Ok(checksum) = text.parse::<Sha256>() {
        assert_eq!(checksum.to_string(), text);
    }
    // Nobody finds a sealed text by chance.
    assert!(matches!(sign(text), Err(Error::Invalid(_))), "{text:?}");
}

/// Parses the content of an upload ID, as if it had been sealed, and the data as a sealed one.
fn sealed(content: &[u8]) {
    let token = Token::decode(&[&[VERSION], content].concat());
    let found = token.as_ref().map(|token| (token.upload_id.as_str(), token.ends_at));
    let moment = |(id, ends_at)| (id, UNIX_EPOCH + Duration::from_secs(ends_at));
    assert_eq!(found, expected(content).map(moment));
    if let Some(token) = &token {
        assert_eq!(Token::decode(&token.encode()).as_ref(), Some(token));
    }
    // The key is random, so nothing is sealed with it.
    let bytes = [&[VERSION], content].concat();
    assert!(matches!(sign(&URL_SAFE_NO_PAD.encode(bytes)), Err(Error::Invalid(_))));
}

/// The store's ID and the end, where there can be such an upload.
fn expected(content: &[u8]) -> Option<(&str, u64)> {
    let (head, upload_id) = content.split_at_checked(HEAD)?;
    let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let upload_id = std::str::from_utf8(upload_id).ok()?;
    let (ends_at, length, part_size) = (number(17), number(25), number(33));
    let has_length = head[0] & 1 == 1;
    let is_id = (1..=2048).contains(&upload_id.len()) && !upload_id.contains(char::is_control);
    let has_size = (5 * MIB..=5 * 1024 * MIB).contains(&part_size);
    let fits = !has_length || (has_size && length.div_ceil(part_size) <= 10_000);
    // Times after the year 9999 have no text form.
    let is_moment = ends_at <= 253_402_300_799;
    (is_id && has_size && fits && is_moment).then_some((upload_id, ends_at))
}

fn sign(upload_id: &str) -> Result<draftstore_service::draft::PartsSigned, Error> {
    let request = SignParts {
        upload: UploadName {
            object_name: NAME.to_owned(),
            draft_id: None,
            upload_id: upload_id.to_owned(),
        },
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    with_drafts(|drafts| wait(drafts.sign_parts(&request)))
}
