# Steps on text: the contract, figures, prose, and spelling.

step_contract() {
  npm_tool buf @bufbuild/buf "$BUF_VERSION"
  "$TOOL" lint
  "$TOOL" format --diff --exit-code
}

# The page's tables and plots are those of the figures that are checked in beside it.
step_figures() {
  need_commands python3=python3
  python3 benches/render.py --check
}

# Doc comments, log messages and commit subjects: the rules are in the script.
step_prose() {
  need_commands python3=python3
  PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover --quiet --start-directory .ci/prose
  python3 .ci/prose/check.py
}

# The pages in docs/ make a book, and no link of theirs is broken.
step_book() {
  need_commands python3=python3
  python3 .ci/book/check.py
  cargo_tool mdbook "$MDBOOK_VERSION" --no-default-features --features search
  "$TOOL" build --dest-dir "$(target_directory)/book"
}

step_spelling() {
  venv linters
  "$VENV/bin/typos"
}
