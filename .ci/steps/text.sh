# Steps on text: the contract, and spelling.

step_contract() {
  npm_tool buf @bufbuild/buf "$BUF_VERSION"
  "$TOOL" lint
  "$TOOL" format --diff --exit-code
}

step_spelling() {
  venv linters
  "$VENV/bin/typos"
}
