//! Tests of hostile inputs. Each has exactly one allowed answer.

mod bodies;
mod corpus;
mod credentials;
mod ground;
mod headers;
mod names;
pub(crate) mod raw_grpc;
mod tokens;

#[test]
fn security_page_states_the_sizes_of_the_corpora() {
    let page = include_str!("../../../../../docs/security.md");
    let counts = format!(
        "{} object names, {} tokens and other texts, {} headers and {} bodies,",
        names::COUNT,
        tokens::COUNT,
        headers::COUNT,
        bodies::COUNT
    );
    assert!(page.contains(&counts), "{counts}");
}
