//! Hostile inputs, each with the one answer that it may get.

mod bodies;
mod corpus;
mod credentials;
mod ground;
mod headers;
mod names;
mod raw_grpc;
mod tokens;

#[test]
fn readme_counts_the_corpora() {
    let readme = include_str!("../../../../../README.md");
    let counts = format!(
        "{} object names, {} tokens and other texts, {} headers and {} bodies,",
        names::COUNT,
        tokens::COUNT,
        headers::COUNT,
        bodies::COUNT
    );
    assert!(readme.contains(&counts), "{counts}");
}
