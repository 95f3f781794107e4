//! The checks of names: which lengths can be stored, and which are listed as they were written.

use draftstore_storage::{Error, ErrorKind};

use super::report::Line;
use super::said;
use super::subject::Subject;

/// The lengths of keys to try, in bytes, from S3's maximum down.
const LENGTHS: [usize; 7] = [1024, 896, 768, 640, 512, 384, 256];

/// Names that callers may use, with characters that a store or its listing may rewrite.
const ALLOWED: [&str; 5] = ["a b+c%20d", "a/b", "ü é 日本", "a&b<c>'d\"", "~tilde.(1)"];

/// Names that are refused, and that other clients of the store may use.
const REFUSED: [&str; 2] = ["back\\slash", "empty//segment"];

/// Lists keys after they were put.
pub(super) async fn check_listed(subject: &Subject) -> Line {
    let check = "listed names";
    let changed = match (listed(subject, &ALLOWED).await, listed(subject, &REFUSED).await) {
        (Ok(allowed), Ok(refused)) => [allowed, refused],
        (Err(error), _) | (_, Err(error)) => {
            return Line::info(check, format!("cannot be tried: {}", said(&error)));
        }
    };
    let [allowed, refused] = changed.each_ref().map(|listed| listed.lost.join(", "));
    let order = if changed[0].is_sorted {
        "in byte order"
    } else {
        "not in byte order, so a sweep may find expired named drafts late"
    };
    if !allowed.is_empty() {
        let meaning =
            format!("keys such as {allowed} are not listed as they were written: the sweep does not find them");
        return Line::weak(check, meaning, "use names of letters, digits, dots and dashes");
    }
    let meaning = if refused.is_empty() {
        format!("keys are listed as they were written, {order}")
    } else {
        format!("keys are listed {order}, and keys such as {refused} otherwise than written. Such names are refused")
    };
    if refused.is_empty() && changed[0].is_sorted {
        Line::ok(check, meaning)
    } else {
        Line::info(check, meaning)
    }
}

/// Keys as a list shows them.
struct Listed {
    /// The names that are not on the list.
    lost: Vec<&'static str>,
    is_sorted: bool,
}

/// Puts names, and lists them. A name that cannot be put is not on the list.
async fn listed(subject: &Subject, names: &[&'static str]) -> Result<Listed, Error> {
    let mut written = Vec::new();
    for name in names {
        match subject.put(&subject.key(&format!("names/{name}")), "x").await {
            Ok(version) => written.push(version),
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::CredentialsRefused) => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    let page = subject.storage.list(subject.draft(), &subject.written()).await?;
    for version in &written {
        // The clean-up finds only what is listed.
        drop(subject.storage.delete_draft(&subject.buckets.draft, version).await);
    }
    let is_listed = |name: &&&str| {
        let key = subject.key(&format!("names/{name}"));
        page.objects.iter().any(|object| object.key == key)
    };
    Ok(Listed {
        lost: names.iter().filter(|name| !is_listed(name)).copied().collect(),
        is_sorted: page
            .objects
            .is_sorted_by(|one, next| one.key.as_str() < next.key.as_str()),
    })
}

/// Puts keys of different lengths.
pub(super) async fn check(subject: &Subject) -> Line {
    let check = "long names";
    let mut refused = None;
    for length in LENGTHS {
        let key = subject.key(&"x".repeat(length - subject.key("").as_str().len()));
        match subject.put(&key, "x").await {
            Ok(_) => {
                let meaning = match refused {
                    None => format!("keys of {length} bytes can be stored"),
                    Some(refused) => format!("keys of {length} bytes can be stored, uploads to keys of {refused} fail"),
                };
                return match refused {
                    None => Line::ok(check, meaning),
                    Some(_) => Line::info(check, meaning),
                };
            }
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::CredentialsRefused) => {
                return Line::info(check, format!("cannot be tried: {}", said(&error)));
            }
            Err(_) => refused = Some(length),
        }
    }
    Line::weak(check, "uploads to keys of 256 bytes fail", "use short names")
}
