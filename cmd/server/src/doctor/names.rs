//! The check that long names can be stored.

use draftstore_storage::ErrorKind;

use super::report::Line;
use super::said;
use super::subject::Subject;

/// The lengths of keys to try, in bytes, from S3's maximum down.
const LENGTHS: [usize; 7] = [1024, 896, 768, 640, 512, 384, 256];

pub(super) async fn check(subject: &Subject) -> Vec<Line> {
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
                return vec![match refused {
                    None => Line::ok(check, meaning),
                    Some(_) => Line::info(check, meaning),
                }];
            }
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::CredentialsRefused) => {
                return vec![Line::info(check, format!("cannot be tried: {}", said(&error)))];
            }
            Err(_) => refused = Some(length),
        }
    }
    vec![Line::weak(
        check,
        "uploads to keys of 256 bytes fail",
        "use short names",
    )]
}
