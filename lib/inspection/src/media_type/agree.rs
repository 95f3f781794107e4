//! Agreement of the type that was found with the one that is declared and with those that are allowed.

use super::{Declared, UNKNOWN, named};
use crate::{Check, Findings, TypeCheck};

/// Names of one type, each with the name that findings have.
const ALIASES: [(&str, &str); 42] = [
    ("application/csv", "text/csv"),
    ("application/font-woff", "font/woff"),
    ("application/java", "application/java-vm"),
    ("application/javascript", "text/javascript"),
    ("application/x-javascript", "text/javascript"),
    ("application/x-bzip", "application/x-bzip2"),
    ("application/x-dosexec", "application/vnd.microsoft.portable-executable"),
    ("application/x-font-otf", "font/otf"),
    ("application/x-font-ttf", "font/ttf"),
    ("application/x-gzip", "application/gzip"),
    ("application/x-jar", "application/java-archive"),
    ("application/x-java-applet", "application/java-vm"),
    (
        "application/x-msdownload",
        "application/vnd.microsoft.portable-executable",
    ),
    ("application/x-pdf", "application/pdf"),
    ("application/x-rar", "application/vnd.rar"),
    ("application/x-rar-compressed", "application/vnd.rar"),
    ("application/x-sqlite3", "application/vnd.sqlite3"),
    ("application/x-zip", "application/zip"),
    ("application/x-zip-compressed", "application/zip"),
    ("application/x-zstd", "application/zstd"),
    ("application/ogg", "audio/ogg"),
    ("audio/m4a", "audio/mp4"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/wav", "audio/vnd.wave"),
    ("audio/wave", "audio/vnd.wave"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/x-midi", "audio/midi"),
    ("audio/x-wav", "audio/vnd.wave"),
    ("audio/opus", "audio/ogg"),
    ("image/apng", "image/png"),
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-icon", "image/vnd.microsoft.icon"),
    ("image/x-ms-bmp", "image/bmp"),
    ("image/x-png", "image/png"),
    ("text/rtf", "application/rtf"),
    ("text/xml", "application/xml"),
    ("video/matroska", "video/x-matroska"),
    ("video/x-m4v", "video/mp4"),
    ("video/avi", "video/x-msvideo"),
    // The type that S3 gives to an upload without one.
    ("binary/octet-stream", UNKNOWN),
];

/// Types that are text with a syntax of its own, which bytes do not tell from any other text.
const TEXTS: [&str; 14] = [
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/manifest+json",
    "application/x-ndjson",
    "application/jsonl",
    "application/sql",
    "application/toml",
    "application/x-sh",
    "application/x-subrip",
    "application/x-tex",
    "application/x-yaml",
    "application/yaml",
    "message/rfc822",
];

/// Types of compound files that neither a class nor a stream's name tells.
const COMPOUND: [&str; 3] = [
    "application/vnd.ms-works",
    "application/vnd.ms-project",
    "application/x-msi",
];

/// Types that a browser runs: an allowed class does not contain them.
const RUN_BY_BROWSERS: [&str; 6] = [
    "application/xhtml+xml",
    "application/xml",
    "image/svg+xml",
    "text/html",
    "text/javascript",
    "application/xslt+xml",
];

/// Returns the name that findings have for a type: in lower case, without parameters, and one for each type.
pub(super) fn canonical(media_type: &str) -> String {
    let name = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    alias.map_or(name, |(_, name)| (*name).to_owned())
}

/// Compares the type that was found, and leaves the one that the file is to have in the findings.
pub(super) fn check(check: &TypeCheck, declared: Declared<'_>, found: Option<String>, findings: &mut Findings) {
    let declared_type = declared
        .media_type
        .map(canonical)
        .filter(|name| name != UNKNOWN && !name.is_empty());
    let media_type = match (found, declared_type) {
        (Some(found), Some(declared)) if found == declared => Some(found),
        (Some(found), Some(declared)) if refines(&declared, &found) => Some(declared),
        (Some(found), Some(declared)) => {
            let detail = format!(
                "The file is {}, and not {} as declared.",
                named(&found),
                named(&declared)
            );
            findings.reject(Check::Type, "TYPE_DIFFERS", detail);
            Some(found)
        }
        (Some(found), None) => Some(found),
        (None, declared) if check.allow_unknown && declared.as_deref().is_none_or(|name| !has_signature(name)) => {
            Some(declared.unwrap_or_else(|| UNKNOWN.to_owned()))
        }
        (None, _) => {
            findings.reject(Check::Type, "TYPE_UNKNOWN", "The file has no known format.");
            None
        }
    };
    if let (Some(allowed), Some(media_type)) = (declared.allowed, &media_type)
        && !allowed.iter().any(|pattern| matches(pattern, media_type))
    {
        let detail = format!("Files of type {} may not be uploaded.", named(media_type));
        findings.reject(Check::Type, "TYPE_NOT_ALLOWED", detail);
    }
    findings.media_type = media_type;
}

/// Tells whether a declared type says more of the bytes than they do themselves.
fn refines(declared: &str, found: &str) -> bool {
    match found {
        "text/plain" => {
            let text = declared.starts_with("text/") && declared != "text/html";
            text || TEXTS.contains(&declared) || declared.ends_with("+json")
        }
        "application/xml" => declared.ends_with("+xml") && !RUN_BY_BROWSERS.contains(&declared),
        "application/zip" => declared.ends_with("+zip"),
        "application/mp4" => declared == "video/mp4" || declared == "audio/mp4",
        "video/webm" => declared == "audio/webm",
        "video/x-matroska" => declared == "audio/x-matroska",
        "image/heif" | "image/heic" => declared == "image/heif" || declared == "image/heic",
        "application/x-cfb" => COMPOUND.contains(&declared),
        _ => is_template(declared, found),
    }
}

/// Tells whether a declared type is that of templates or slide shows, which have the structure of the documents.
fn is_template(declared: &str, found: &str) -> bool {
    let office = "application/vnd.openxmlformats-officedocument.";
    let (Some(declared), Some(found)) = (declared.strip_prefix(office), found.strip_prefix(office)) else {
        return false;
    };
    let (declared, found) = (
        declared.split_once('.').unwrap_or_default(),
        found.split_once('.').unwrap_or_default(),
    );
    declared.0 == found.0 && (declared.1 == "template" || declared.1 == "slideshow")
}

/// Tells whether a type is one of a class that is always found by its bytes.
fn has_signature(media_type: &str) -> bool {
    let class = ["image/", "audio/", "video/", "font/", "text/"]
        .iter()
        .any(|class| media_type.starts_with(class));
    class
        || media_type.ends_with("+xml")
        || media_type.ends_with("+zip")
        || media_type.starts_with("application/vnd.openxmlformats-")
        || media_type.starts_with("application/vnd.oasis.")
        || [
            "application/pdf",
            "application/zip",
            "application/gzip",
            "application/xml",
            "application/json",
        ]
        .contains(&media_type)
}

/// Tells whether an allowed type or class contains a type.
fn matches(pattern: &str, media_type: &str) -> bool {
    match pattern.trim().strip_suffix("/*") {
        Some("*") => true,
        Some(class) => {
            let (found, _) = media_type.split_once('/').unwrap_or_default();
            class.eq_ignore_ascii_case(found) && !RUN_BY_BROWSERS.contains(&media_type)
        }
        None => canonical(pattern) == media_type,
    }
}
