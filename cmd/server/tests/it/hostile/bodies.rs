//! Tests of malformed bodies: each is refused with the invalid field, or as unreadable.

use super::corpus::{Answer, Case, Corpus, Refused};
use super::ground::{Ground, assert_answered, each};
use super::raw_grpc::RawGrpc;
use crate::front::{Front, failure, rest_answer};

const BODIES: &str = include_str!("../../corpus/bodies.txt");

/// The number of entries that `docs/security.md` states.
pub(super) const COUNT: usize = 420;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_accepted_or_refused_with_the_field() {
    let corpus = Corpus::read(BODIES);
    assert_eq!(corpus.cases.len(), COUNT);
    let ground = Ground::start().await;
    let raw = RawGrpc::connect(&ground.server.grpc).await;
    each(&corpus.cases, async |case| {
        check(&ground, &raw, case, corpus.answer(case)).await;
    })
    .await;
    ground.end().await;
}

async fn check(ground: &Ground, raw: &RawGrpc, case: &Case, answer: Answer) {
    let (front, target) = case.put.split_once(' ').expect("a front, and what is called");
    if front == "rest" {
        let url = format!("http://{}/api/v1/{target}", ground.server.http);
        let seen = ground
            .client
            .post(url)
            .body(case.input.clone())
            .send()
            .await
            .expect("an answer");
        assert_answered(answer, rest_answer(seen).await, Front::Rest, case);
        return;
    }
    let seen = raw.call(target, &case.input).await;
    match (answer, seen) {
        (Answer::Ok, Ok(())) => {}
        (Answer::Refused(Refused { grpc, reason: "-", .. }), Err(status)) => {
            assert_eq!(format!("{:?}", status.code()), grpc, "line {}: {status:?}", case.line);
        }
        (Answer::Refused(refused), Err(status)) => {
            refused.assert_as(None, &failure(&status), &format!("line {}", case.line));
        }
        (answer, seen) => panic!("line {}: {seen:?}, not {answer:?}", case.line),
    }
}
