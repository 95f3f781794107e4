//! Tests of tokens and other texts that are compared or signed: each is accepted, or refused with its field.

use super::corpus::Corpus;
use super::ground::{Ground, assert_answered, each};
use crate::front::FRONTS;

pub(super) const TOKENS: &str = include_str!("../../corpus/tokens.txt");

/// The number of entries that `docs/security.md` states.
pub(super) const COUNT: usize = 980;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_accepted_or_refused_with_the_field() {
    let corpus = Corpus::read(TOKENS);
    assert_eq!(corpus.cases.len(), COUNT);
    let ground = Ground::start().await;
    // Credentials have a test of their own.
    let of_calls = corpus.cases.iter().filter(|case| !case.put.starts_with("bearer "));
    each(of_calls, async |case| {
        let (route, request) = case.put.split_once(' ').expect("a route and a request");
        let token = serde_json::to_string(case.text()).expect("JSON");
        let request: serde_json::Value = serde_json::from_str(&request.replacen('$', &token, 1)).expect("JSON");
        for front in FRONTS {
            let seen = ground.call(front, route, request.clone()).await;
            assert_answered(corpus.answer(case), seen, front, case);
        }
    })
    .await;
    ground.end().await;
}
