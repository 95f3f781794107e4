use serde_json::json;

use crate::front::{FRONTS, download, upload, upload_form};
use crate::server::{Server, command};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_logged_even_at_trace() {
    let made = command().args(["key", "ticket"]).output().expect("runs").stdout;
    let line = String::from_utf8(made).expect("UTF-8");
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys");
    std::fs::write(&keys, &line).expect("written");
    let server = Server::start_with(&[
        ("RUST_LOG", "trace"),
        ("AUDIT_LOG", "stderr"),
        ("CLEANUP_SCHEDULE", "* * * * * *"),
        ("TICKET_KEYS_FILE", keys.to_str().expect("UTF-8")),
    ]);
    let (_, key) = line.trim().split_once(':').expect("an ID and a key");
    let mut secrets = vec![key.to_owned()];
    for file in ["credentials.json", "signer.json"] {
        let kept = std::fs::read_to_string(server.data_dir().join(file)).expect("kept credentials");
        let kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
        secrets.push(kept["secret_access_key"].as_str().expect("a secret").to_owned());
    }
    for front in FRONTS {
        let name = front.name("a b.txt");
        let request = json!({"object_name": name, "metadata": {"a": "b"}});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "x").await, 200);
        let request = json!({ "object_name": name });
        let read = front
            .call(&server, "download-url", request.clone())
            .await
            .expect("issued");
        assert_eq!(download(&read).await.status(), 200);
        front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        front
            .call(&server, "confirm-upload", json!({"object_name": "none"}))
            .await
            .expect_err("none");
        let request = json!({"object_name": name, "max_content_length": 1});
        let form = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload_form(&form, b"x").await, 201);
        for field in ["x-amz-signature", "policy"] {
            secrets.push(form["fields"][field].as_str().expect("a field").to_owned());
        }
        for url in [&issued["upload_url"], &read["download_url"]] {
            let url = url.as_str().expect("a URL");
            let (_, signature) = url.split_once("X-Amz-Signature=").expect("a signature");
            secrets.push(signature.split('&').next().expect("a signature").to_owned());
        }
    }
    // An upload's ID in a path is as good as a URL.
    let uppy = format!("http://{}/uppy/s3", server.http);
    let client = reqwest::Client::new();
    let created = client.post(format!("{uppy}/multipart")).json(&json!({"filename": "a"}));
    let created: serde_json::Value = created.send().await.expect("begun").json().await.expect("JSON");
    let (id, key) = (
        created["uploadId"].as_str().expect("an ID"),
        created["key"].as_str().expect("a key"),
    );
    for path in ["", "/1", "/1/2"] {
        let sent = client
            .get(format!("{uppy}/multipart/{id}{path}?key={key}"))
            .send()
            .await;
        assert_eq!(sent.expect("an answer").status().is_success(), path != "/1/2");
    }
    secrets.push(id.to_owned());
    // A ticket, valid and not, where it belongs and where it does not.
    for front in FRONTS {
        let created = front.call(&server, "tickets", json!({})).await.expect("minted");
        let ticket = created["ticket"].as_str().expect("a ticket").to_owned();
        let (http, wrong) = (format!("http://{}", server.http), format!("{ticket}x"));
        let upload_url = "api/v1/upload-url";
        for (url, bearer) in [
            (format!("{http}/{upload_url}"), Some(&ticket)),
            (format!("{http}/{upload_url}"), Some(&wrong)),
            (format!("{http}/t/{ticket}/{upload_url}"), None),
            (format!("{http}/t/{wrong}/{upload_url}"), None),
            (format!("{http}/t/{ticket}/{upload_url}"), Some(&ticket)),
            (format!("{http}/t/{ticket}/t/{ticket}/{upload_url}"), None),
            (format!("{http}/t/{ticket}/uppy/nowhere"), None),
            (format!("{http}//t/{ticket}/{upload_url}"), None),
            (format!("{http}/{upload_url}/{ticket}"), None),
            (format!("http://{}/t/{ticket}/{upload_url}", server.grpc), None),
        ] {
            let mut sent = client.post(url).json(&json!({"object_name": "t"}));
            if let Some(bearer) = bearer {
                sent = sent.bearer_auth(bearer);
            }
            let answer = sent.send().await.expect("an answer");
            assert_ne!(answer.status(), 500);
        }
        let (signed, mac) = ticket.rsplit_once('.').expect("a signature");
        secrets.extend([signed.to_owned(), mac.to_owned()]);
    }
    let (_, log) = server.stop();
    assert!(log.contains("answered"), "the test has to see a log at trace");
    let markers = [
        "dst_",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "Signature=",
        "AWS4-HMAC-SHA256",
    ];
    for secret in secrets.iter().map(String::as_str).chain(markers) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a secret is in the log");
    }
}
