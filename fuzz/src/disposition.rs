//! `Content-Disposition`: whatever a file is called, the header says just that name, and nothing else.

use draftstore_service::draft::{Disposition, IssueDownload, Stage};

use crate::offline::{wait, with_drafts};
use crate::sigv4::Url;

/// Takes the disposition from the first byte and the file name from the rest.
pub fn run(data: &[u8]) {
    let Some((kind, name)) = data.split_first() else { return };
    let Ok(name) = std::str::from_utf8(name) else { return };
    let (disposition, said) = match kind % 3 {
        0 => (Disposition::Safe, "attachment"),
        1 => (Disposition::Attachment, "attachment"),
        _ => (Disposition::Inline, "inline"),
    };
    let request = IssueDownload {
        object_name: "a".to_owned(),
        stage: Some(Stage::Main),
        unchecked: true,
        filename: Some(name.to_owned()),
        disposition,
        ..IssueDownload::default()
    };
    let Ok(issued) = with_drafts(|drafts| wait(drafts.issue_download(&request))) else {
        return;
    };
    let url = Url::read(&issued.request.url.expose());
    let header = url.query.get("response-content-disposition").expect("asked for");
    let (kind, plain, extended) = parse(header);
    assert_eq!(kind, said);
    assert_eq!(extended, name, "{header}");
    assert_eq!(plain.chars().count(), name.chars().count(), "{header}");
}

/// By the grammar of RFC 6266 and RFC 8187: the type, `filename`, and `filename*` decoded.
fn parse(header: &str) -> (String, String, String) {
    assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)), "{header:?}");
    let (kind, rest) = header.split_once("; filename=\"").expect("a file name");
    let (plain, rest) = rest.split_once('"').expect("its end");
    assert!(!plain.contains(['\\', '%']), "{header}");
    let extended = rest.strip_prefix("; filename*=UTF-8''").expect("the other file name");
    assert!(
        extended
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~%".contains(&b)),
        "{header}"
    );
    let decoded = String::from_utf8(crate::sigv4::decoded(extended)).expect("UTF-8");
    (kind.to_owned(), plain.to_owned(), decoded)
}
