# Steps on the Rust code: its tests, its form, its lints, its documentation, its dependencies.

step_tests() {
  cargo test --workspace
}

step_format() {
  cargo fmt --all --check
}

step_clippy() {
  cargo clippy --workspace --all-targets --locked -- -D warnings
}

step_docs() {
  RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
}

step_dependencies() {
  cargo_tool cargo-machete "$CARGO_MACHETE_VERSION"
  "$TOOL"
  # Not `advisories`: its database is fetched from outside the package registries, which CI cannot reach.
  cargo_tool cargo-deny "$CARGO_DENY_VERSION"
  "$TOOL" --locked --workspace check --hide-inclusion-graph bans licenses sources
}
