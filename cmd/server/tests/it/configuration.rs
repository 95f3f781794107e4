use std::process::Output;

use crate::server::{Server, command};

fn run(variables: &[(&str, &str)]) -> Output {
    command().envs(variables.iter().copied()).output().expect("runs")
}

#[test]
fn bad_configuration_ends_with_64_and_names_every_variable() {
    let ended = run(&[("HTTP_PORT", "http"), ("UPLOAD_TTL", "1h"), ("STORAGE_TYPE", "nfs")]);
    assert_eq!(ended.status.code(), Some(64));
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    for name in ["HTTP_PORT", "UPLOAD_TTL", "STORAGE_TYPE"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn server_beyond_loopback_requires_auth() {
    for open in [
        ("BIND_ADDRESS", "0.0.0.0"),
        ("BIND_ADDRESS", "::"),
        ("STORAGE_TYPE", "s3"),
    ] {
        let ended = run(&[open]);
        assert_eq!(ended.status.code(), Some(64), "{open:?}");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        for way_out in ["AUTH=api-key", "POLICY_FILE", "BIND_ADDRESS=127.0.0.1", "AUTH=none"] {
            assert!(said.contains(way_out), "{said}");
        }
    }
}

#[test]
fn server_beyond_loopback_accepts_auth_none() {
    let server = Server::start_with(&[("BIND_ADDRESS", "0.0.0.0"), ("AUTH", "none")]);
    assert!(server.http.starts_with("0.0.0.0:"), "{}", server.http);
}

#[test]
fn second_server_on_the_same_data_fails_clearly() {
    let first = Server::start();
    let data_dir = first.data_dir();
    let data_dir = data_dir.to_str().expect("UTF-8");
    let ports = [("HTTP_PORT", "0"), ("GRPC_PORT", "0"), ("EMBEDDED_PORT", "0")];
    let second = run(&[&ports[..], &[("EMBEDDED_DATA_DIR", data_dir)]].concat());
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).expect("UTF-8");
    assert!(said.contains(data_dir), "{said}");
}

#[test]
fn port_in_use_error_names_its_variable() {
    let first = Server::start();
    let port = first.http.rsplit_once(':').expect("a port").1;
    let ports = [("HTTP_PORT", port), ("GRPC_PORT", "0"), ("EMBEDDED_PORT", "0")];
    let other_data = tempfile::TempDir::new().expect("a temporary directory");
    let data_dir = other_data.path().to_str().expect("UTF-8");
    let second = run(&[&ports[..], &[("EMBEDDED_DATA_DIR", data_dir)]].concat());
    let said = String::from_utf8(second.stderr).expect("UTF-8");
    assert!(said.contains("HTTP_PORT"), "{said}");
}

/// A unit test compares the reference page with the declarations.
#[test]
fn help_lists_every_variable_of_the_reference_page() {
    let help = command().arg("--help").output().expect("runs").stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    let page = include_str!("../../../../docs/reference/configuration.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("| server"));
    let mut count = 0;
    for row in rows {
        let name = row.split('`').nth(1).expect("a name");
        assert!(help.contains(&format!("\n  {name}\n")), "{name} is missing");
        count += 1;
    }
    assert!(count > 50, "{count} rows");
}

#[test]
fn unknown_variables_are_logged_with_the_nearest_name() {
    let server = Server::start_with(&[("S3_PATHSTYLE", "true"), ("PUSHGATEWAY_URL", "http://127.0.0.1:1")]);
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("unknown environment variable"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(
        warnings[0].contains("S3_PATHSTYLE") && warnings[0].contains("S3_PATH_STYLE"),
        "{}",
        warnings[0]
    );
}
