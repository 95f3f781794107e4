//! The walls between the crates, as absences: a crate must not reach what stands beside it, however indirectly.

use std::collections::BTreeSet;
use std::process::Command;

const SDK: &str = "aws-sdk-s3";

/// A crate, and packages that none of its normal dependencies may lead to.
const WALLS: &[(&str, &[&str])] = &[
    ("draftstore-sigv4", &["draftstore-storage", "serde", "tokio"]),
    (
        "draftstore-inspection",
        &["draftstore-storage", "futures", "http", "tokio", SDK],
    ),
    (
        "draftstore-notifications",
        &["draftstore-storage", "futures", "http", "tokio", SDK],
    ),
    ("draftstore-scanners", &["draftstore-storage", "http", SDK]),
    (
        "draftstore-webhooks",
        &["draftstore-protocol", "draftstore-storage", "tonic", SDK],
    ),
    ("draftstore-storage", &["draftstore-sigv4", "http", "tokio", SDK]),
    ("draftstore-s3", &["draftstore-service"]),
    (
        "draftstore-protocol",
        &["draftstore-s3", "futures", "http", "tokio", SDK],
    ),
    ("draftstore-service", &["draftstore-s3", "http", "tonic", SDK]),
    (
        "draftstore-auth",
        &["draftstore-s3", "draftstore-telemetry", "tonic", SDK],
    ),
    ("draftstore-controller", &["draftstore-s3", SDK]),
    ("draftstore-fuzz", &["draftstore-s3", SDK]),
    ("draftstore-config", &["tokio", SDK]),
    ("draftstore-proxy", &["draftstore-config", SDK]),
    (
        "draftstore-runtime",
        &[
            "draftstore-embedded",
            "draftstore-s3",
            "draftstore-service",
            "tonic",
            SDK,
        ],
    ),
    ("draftstore-telemetry", &["draftstore-s3", "draftstore-service", SDK]),
    (
        "draftstore-connections",
        &["draftstore-controller", "draftstore-s3", SDK],
    ),
];

#[test]
fn no_crate_reaches_beyond_its_wall() {
    let mut breaches = Vec::new();
    for (krate, forbidden) in WALLS {
        let reached = dependencies(krate);
        let beyond = forbidden.iter().filter(|package| reached.contains(**package));
        breaches.extend(
            beyond.map(|package| format!("{krate} reaches {package}: cargo tree -p {krate} -e normal -i {package}")),
        );
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Returns the names of the packages that a crate's normal dependencies lead to, itself among them.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            krate,
        ])
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).expect("UTF-8");
    let names: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(ToOwned::to_owned)
        .collect();
    assert!(names.contains(krate), "cargo tree lists the crate itself");
    names
}
