//! The seeds of the targets: the inputs of the corpora that the server's tests use.

use crate::presign::OPTIONS;

#[path = "../../cmd/server/tests/it/hostile/corpus.rs"]
#[allow(dead_code, unreachable_pub)]
mod corpus;

const NAMES: &str = include_str!("../../cmd/server/tests/corpus/names.txt");
const TOKENS: &str = include_str!("../../cmd/server/tests/corpus/tokens.txt");
const BODIES: &str = include_str!("../../cmd/server/tests/corpus/bodies.txt");

/// Returns the seeds of the target with this name.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let inputs = |text| corpus::Corpus::read(text).cases.into_iter().map(|case| case.input);
    match target {
        "tokens" => inputs(TOKENS).chain(inputs(NAMES)).collect(),
        "credentials" => inputs(TOKENS).collect(),
        "json" => inputs(BODIES)
            .flat_map(|body| (0..16).map(move |kind| [&[kind], &*body].concat()))
            .collect(),
        "disposition" => inputs(NAMES).map(|name| [&[0], &*name].concat()).collect(),
        "presign" => inputs(NAMES)
            .enumerate()
            .map(|(place, name)| {
                let option = |at: usize| u8::try_from((place * 31 + at * 97 + place / 7) % 256).expect("a byte");
                let options: Vec<u8> = (0..OPTIONS).map(option).collect();
                [options, name].concat()
            })
            .collect(),
        "inspection" => crate::files::all(),
        _ => inputs(NAMES).collect(),
    }
}
