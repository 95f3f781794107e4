# Steps on text: the contract, figures, and spelling.

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

step_spelling() {
  venv linters
  "$VENV/bin/typos"
}
