# Steps on the Rust code: its tests, its form, its lints, its documentation, its dependencies.

# Random schedules for each mutant and kind of store: most are caught within a few.
readonly MUTANT_SCHEDULES=20000

step_tests() {
  cargo test --workspace
  programs
}

step_format() {
  cargo fmt --all --check
  cargo fmt --manifest-path benches/peers/Cargo.toml --check
}

step_clippy() {
  cargo clippy --workspace --all-targets --features draftstore-benches/programs --locked -- -D warnings
}

# With --examples, cargo selects the features of development too, and finds the dependencies checked by clippy.
step_docs() {
  RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --lib --bins --examples --locked
}

# In a copy of the sources, always at the same place, so that only the first build there is a long one.
step_mutants() {
  need_commands python3=python3
  local target sources
  target=$(target_directory)
  sources=$target/mutants
  rm -rf "$sources"
  mkdir -p "$sources"
  git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$sources"
  # One crate, built again for each of them: here it is worth keeping what has not changed.
  CARGO_INCREMENTAL=1 CARGO_TARGET_DIR=$target MODEL_SCHEDULES=$MUTANT_SCHEDULES python3 .ci/mutants/mutants.py "$sources"
}

# What an upload URL takes, and a request for one, must not grow unnoticed.
step_instructions() {
  need_commands python3=python3 valgrind=valgrind
  python3 benches/instructions.py
}

step_dependencies() {
  cargo_tool cargo-machete "$CARGO_MACHETE_VERSION"
  "$TOOL"
  # Not `advisories`: they need a database from the network, and their result changes without a commit.
  cargo_tool cargo-deny "$CARGO_DENY_VERSION"
  "$TOOL" --locked --workspace check --hide-inclusion-graph bans licenses sources
}
