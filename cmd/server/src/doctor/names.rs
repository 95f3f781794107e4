//! The checks of names: which lengths can be stored, and which are listed as they were written.

use draftstore_storage::{Error, ErrorKind};

use super::report::Line;
use super::said;
use super::subject::Subject;

/// The lengths of keys to try, in bytes, from S3's maximum down.
const LENGTHS: [usize; 7] = [1024, 896, 768, 640, 512, 384, 256];

/// Names that callers may use, with characters that a store or its listing may rewrite.
const ALLOWED: [&str; 4] = ["a b+c%20d", "ü é 日本", "a&b<c>'d\"", "~tilde.(1)"];

/// Names that are refused, and that other clients of the store may use.
const REFUSED: [&str; 2] = ["back\\slash", "empty//segment"];

/// Lists keys after they were put.
pub(super) async fn check_listed(subject: &Subject) -> Line {
    let check = "listed names";
    let changed = match (changed(subject, &ALLOWED).await, changed(subject, &REFUSED).await) {
        (Ok(allowed), Ok(refused)) => [allowed, refused],
        (Err(error), _) | (_, Err(error)) => {
            return Line::info(check, format!("cannot be tried: {}", said(&error)));
        }
    };
    match changed.each_ref().map(|names| names.join(", ")) {
        [allowed, refused] if allowed.is_empty() && refused.is_empty() => {
            Line::ok(check, "keys are listed as they were written")
        }
        [allowed, refused] if allowed.is_empty() => {
            let meaning = format!("keys such as {refused} are not listed as they were written. Such names are refused");
            Line::info(check, meaning)
        }
        [allowed, _] => Line::weak(
            check,
            format!("keys such as {allowed} are not listed as they were written, so the sweep does not find them"),
            "use names of letters, digits, dots and dashes",
        ),
    }
}

/// Returns the names that are not listed after they were put. A name that cannot be put is one of them.
async fn changed(subject: &Subject, names: &[&'static str]) -> Result<Vec<&'static str>, Error> {
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
    Ok(names.iter().filter(|name| !is_listed(name)).copied().collect())
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
