use std::time::{SystemTime, UNIX_EPOCH};

use draftstore_webhooks::{MessageId, Secrets};
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Failure, Front};
use crate::webhooks::{Answers, SECRET, Scanner, World};

/// The answer of a scanner that reports later.
const LATER: Answers = Answers::With("HTTP/1.1 202 Accepted\r\n");

/// Another secret.
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Returns the report of a scanner, signed with a secret so many seconds ago.
fn report(name: &str, etag: &str, verdict: &str, secret: &str, age: u64) -> Value {
    let secrets = Secrets::try_from(vec![secret.to_owned()]).expect("a secret");
    let id: MessageId = "msg_1".parse().expect("an ID");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        - age;
    let reason = if verdict == "rejected" { "Test.Malware" } else { "" };
    let body = [name, "", etag, verdict, reason].join("\n");
    json!({
        "object_name": name,
        "etag": etag,
        "verdict": format!("SCAN_VERDICT_{}", verdict.to_uppercase()),
        "reason": reason,
        "webhook_id": id.as_str(),
        "webhook_timestamp": now.to_string(),
        "webhook_signature": secrets.sign(&id, now, body.as_bytes()),
    })
}

struct Reporting {
    scanner: Scanner,
    world: World,
}

impl Reporting {
    async fn start(timeout: &str) -> Self {
        let scanner = Scanner::start(LATER).await;
        let world = World::start(&[&scanner], 1, &[("CHECK_WAIT", "1"), ("CHECK_TIMEOUT", timeout)]);
        Self { scanner, world }
    }

    /// Uploads a draft, and returns its `ETag` after a confirm that waits in vain.
    async fn pending(&self, front: Front, name: &str, bytes: &'static str) -> String {
        self.world.uploaded(front, name, bytes).await;
        let pending = self
            .world
            .call(front, "confirm-upload", name)
            .await
            .expect_err("pending");
        pending.assert(409, Code::Aborted, "CHECKS_PENDING");
        let seen = self.world.call(front, "inspect-draft", name).await.expect("there");
        seen["etag"].as_str().expect("an ETag").to_owned()
    }

    async fn report(&self, front: Front, report: Value) -> Result<bool, Failure> {
        let answer = self.world.send(front, "report-scan", report).await?;
        Ok(answer["recorded"] == true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn report_decides_what_is_confirmed() {
    let it = Reporting::start("60").await;
    for front in FRONTS {
        let (clean, malware) = (front.name("clean"), front.name("malware"));
        for (name, verdict) in [(&clean, "accepted"), (&malware, "rejected")] {
            let etag = it.pending(front, name, "a text").await;
            for again in [verdict, "accepted", "rejected"] {
                let report = report(name, &etag, again, SECRET, 0);
                let recorded = it.report(front, report).await.expect("an answer");
                assert_eq!(recorded, again == verdict, "the first one counts");
            }
        }
        it.world.confirmed(front, &clean).await.expect("accepted");
        let refused = it.world.confirmed(front, &malware).await.expect_err("rejected");
        refused.assert(422, Code::FailedPrecondition, "REJECTED");
        let seen = it.world.call(front, "inspect-draft", &malware).await.expect("there");
        let detail = seen["checks"]["reasons"][0]["detail"].as_str().expect("a sentence");
        assert!(
            detail.contains("scanner-0") && detail.contains("Test.Malware"),
            "{seen}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn report_after_the_checks_were_given_up_counts_for_the_next_confirm() {
    let it = Reporting::start("2").await;
    let etag = it.pending(Front::Rest, "a", "a text").await;
    while it
        .world
        .confirmed(Front::Rest, "a")
        .await
        .is_err_and(|failure| failure.reason != "SCANNER_UNAVAILABLE")
    {}
    let asked = it.scanner.requests();
    let report = report("a", &etag, "accepted", SECRET, 0);
    assert!(it.report(Front::Rest, report).await.expect("recorded"));
    it.world.confirmed(Front::Rest, "a").await.expect("accepted");
    assert_eq!(it.scanner.requests(), asked, "it is not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn report_that_the_scanner_has_not_signed_is_refused() {
    let it = Reporting::start("2").await;
    for front in FRONTS {
        let (name, other) = (front.name("a"), front.name("b"));
        let etag = it.pending(front, &name, "a text").await;
        let good = || report(&name, &etag, "accepted", SECRET, 0);
        let mut changed = report(&name, &etag, "rejected", SECRET, 0);
        changed["verdict"] = "SCAN_VERDICT_ACCEPTED".into();
        let mut of_other = report(&other, &etag, "accepted", SECRET, 0);
        of_other["object_name"] = name.clone().into();
        let mut unsigned = good();
        unsigned["webhook_signature"] = "".into();
        for bad in [
            report(&name, &etag, "accepted", OTHER, 0),
            report(&name, &etag, "accepted", SECRET, 400),
            changed,
            of_other,
            unsigned,
        ] {
            let refused = it.report(front, bad.clone()).await.expect_err("refused");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(refused.fields, ["webhook_signature"], "{bad}");
        }
        for (field, value) in [
            ("verdict", json!("SCAN_VERDICT_UNSPECIFIED")),
            ("etag", json!("")),
            ("reason", json!("x".repeat(1001))),
        ] {
            let mut bad = good();
            bad[field] = value;
            let refused = it.report(front, bad).await.expect_err("refused");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(refused.fields, [field]);
        }
        let refused = it.world.confirmed(front, &name).await.expect_err("no report counts");
        refused.assert(503, Code::Unavailable, "SCANNER_UNAVAILABLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn report_about_another_version_counts_for_nothing() {
    let it = Reporting::start("2").await;
    for front in FRONTS {
        let name = front.name("a");
        let former = it.pending(front, &name, "a text").await;
        let current = it.pending(front, &name, "another text").await;
        assert_ne!(former, current);
        let late = report(&name, &former, "accepted", SECRET, 0);
        assert!(!it.report(front, late).await.expect("nothing waits for it"));
        let absent = report(&front.name("absent"), &former, "accepted", SECRET, 0);
        assert!(!it.report(front, absent).await.expect("nothing waits for it"));
        let refused = it.world.confirmed(front, &name).await.expect_err("no report");
        refused.assert(503, Code::Unavailable, "SCANNER_UNAVAILABLE");
    }
}
