# Steps on the programs as they run, driven by clients in Python and in JavaScript made from the contract, boto3, and curl.

# Races for names that every run makes.
readonly SEAWEEDFS_RACES=300

step_system() {
  run_clients -m 'not garage and not seaweedfs'
}

# Two servers on one store, restarted in turn under load.
step_rolling() {
  venv clients
  need_commands haproxy=haproxy ip=iproute2 unshare=util-linux
  programs
  in_own_network "$VENV/bin/python" "$REPO/.ci/rolling/restart.py" "$DRAFTSTORE_BINARIES" 2>&1 | without_signatures
}

# Reverse proxies before a server and a store, each with its configuration from the guide, whose host names lead here.
step_proxies() {
  local name hosts
  venv proxies
  local programs_of_proxies=$VENV/bin
  venv clients
  need_commands nginx=nginx haproxy=haproxy caddy=caddy openssl=openssl ip=iproute2 unshare=util-linux
  programs
  export PYTHONDONTWRITEBYTECODE=1
  hosts=$(mktemp)
  echo '127.0.0.1 localhost server store drafts.example.com app.example.com files.example.com' >"$hosts"
  for name in nginx HAProxy Envoy Caddy Traefik; do
    PATH=$PATH:$programs_of_proxies in_own_network unshare --mount \
      bash -c 'mount --bind "$1" /etc/hosts && shift && exec "$@"' proxies "$hosts" \
      "$VENV/bin/python" "$REPO/.ci/proxies/check.py" "$name" "$DRAFTSTORE_BINARIES" 2>&1 | without_signatures
  done
  rm "$hosts"
}

# ceph/s3-tests on the embedded store, compared with the list of what passes. S3_TESTS is a checkout; without it, one is cloned.
step_s3-tests() {
  local suite=${S3_TESTS:-$CACHE/s3-tests-$S3_TESTS_COMMIT}
  need_commands git=git ip=iproute2 unshare=util-linux
  if [[ ! -e $suite ]]; then
    git clone --quiet https://github.com/ceph/s3-tests "$suite"
    git -C "$suite" checkout --quiet "$S3_TESTS_COMMIT"
  fi
  venv s3-tests
  programs
  in_own_network "$VENV/bin/python" "$REPO/.ci/s3-tests/run.py" "$suite" "$DRAFTSTORE_BINARIES" ${S3_TESTS_OPTIONS:-} 2>&1 | without_signatures
}

# What the server says of itself at /openapi.json, tried by a program that takes it at its word.
step_schema() {
  venv schema
  need_commands ip=iproute2 unshare=util-linux
  programs
  export PYTHONDONTWRITEBYTECODE=1
  in_own_network "$VENV/bin/python" "$REPO/.ci/schema/run.py" 2>&1 | without_signatures
}

# What the checks find in files that other people's programs made, compared with `file`, and lies that they must reject.
step_inspection() {
  venv inspection
  need_commands file=file ffmpeg=ffmpeg identify=imagemagick qpdf=qpdf 7z=p7zip-full zip=zip
  # 100 MB, as much as a browser.
  command -v soffice >/dev/null || apt_install libreoffice-{writer,calc,impress}-nogui
  programs
  PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/python" "$REPO/.ci/inspection/check.py" "$DRAFTSTORE_BINARIES/examples/inspect"
}

# Scans by Debian's clamd, with a signature of our own, so that no database is downloaded.
step_clamd() {
  need_commands clamd=clamav-daemon
  cargo test --workspace --locked -- --ignored clamd
}

# Whatever needs Garage: the conformance suite, what doctor finds there, and the same clients on a server that uses it.
step_garage() {
  garage_tool
  # Features are unified per selection of packages: with another one cargo would compile most of the workspace again.
  PATH=$(dirname "$GARAGE"):$PATH cargo test --workspace --locked -- --ignored garage
  run_clients -m garage
}

# The same on SeaweedFS, which lets the losers of races wait, so that more tests run at once than there are processors.
step_seaweedfs() {
  seaweedfs_tool
  PATH=$(dirname "$SEAWEEDFS"):$PATH cargo test --workspace --locked -- --ignored seaweedfs --test-threads 6
  run_clients -m seaweedfs
  race "$SEAWEEDFS_RACES"
}

# Ten thousand races for a name, which take a quarter of an hour.
step_races() {
  seaweedfs_tool
  race 10000
}

# Seven stores, and what doctor and readiness say of them. Ceph and Swift are Debian's.
step_stores() {
  garage_tool
  seaweedfs_tool
  need_commands radosgw=radosgw ceph-mon=ceph-mon ceph-osd=ceph-osd ceph=ceph-common swift-proxy-server=swift-proxy \
    swift-account-server=swift-account swift-container-server=swift-container swift-object-server=swift-object memcached=memcached
  venv stores
  programs
  export PYTHONDONTWRITEBYTECODE=1 MOTO=$VENV/bin/moto_server
  PATH=$PATH:$VENV/bin in_own_network "$VENV/bin/python" "$REPO/.ci/stores/check.py" "$DRAFTSTORE_BINARIES" 2>&1 | without_signatures
}

# Races for names, by two servers over two gateways of SeaweedFS: race RACES
race() {
  venv clients
  programs
  export PYTHONDONTWRITEBYTECODE=1
  in_own_network "$VENV/bin/python" "$REPO/.ci/stores/races.py" "$DRAFTSTORE_BINARIES" "$SEAWEEDFS" "$1" 2>&1 | without_signatures
}

# Sets SEAWEEDFS.
seaweedfs_tool() {
  venv seaweedfs
  export SEAWEEDFS=$VENV/bin/weed
}

# Sets GARAGE: the one on PATH if it is of the version, else one built here.
garage_tool() {
  GARAGE=$(command -v garage) || true
  if [[ $(garage --version 2>/dev/null) != *":$GARAGE_VERSION "* ]]; then
    cargo_tool garage "$GARAGE_VERSION" --no-default-features --features bundled-libs,sqlite,lmdb
    GARAGE=$TOOL
  fi
  export GARAGE
}

run_clients() {
  venv clients
  npm_tool buf @bufbuild/buf "$BUF_VERSION"
  npm_packages "$REPO/.ci/clients/node"
  export BUF=$TOOL NODE_MODULES
  need_commands curl=curl jq=jq openssl=openssl node=nodejs ip=iproute2 unshare=util-linux
  programs
  export PYTHONDONTWRITEBYTECODE=1
  in_own_network "$VENV/bin/pytest" "$REPO/.ci/clients" "$@" 2>&1 | without_signatures
}

# Sets DRAFTSTORE_BINARIES to the directory of the programs. They are those that `cargo test --workspace` leaves: --examples has cargo
# select the features of development too, and with others it would compile most of the workspace again.
programs() {
  [[ -n ${DRAFTSTORE_BINARIES:-} ]] && return
  cargo build --workspace --bins --examples --locked
  DRAFTSTORE_BINARIES=$(target_directory)/debug
  export DRAFTSTORE_BINARIES
}

# Runs a command in a network namespace of its own: the README's ports are free there, and nothing leaves it.
in_own_network() {
  local -a namespace=(unshare --net)
  ((EUID == 0)) || namespace+=(--map-root-user)
  "${namespace[@]}" bash -c 'ip link set lo up && exec "$@"' own-network "$@"
}

# Presigned URLs let in whoever reads them, even in a log.
without_signatures() {
  sed -u -E 's/([?&])(X-Amz-|AWSAccessKeyId|Signature)[^"'\'' ]*/\1…/g'
}

target_directory() {
  cargo metadata --format-version 1 --no-deps --locked | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])'
}
