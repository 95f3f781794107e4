# Steps on the web console: the bundle that it takes from npm, and everything that runs in a browser.

# Chromium tells pages that they are offline where there is loopback alone, and Uppy then waits. The address is of those that
# nobody has (RFC 5737); nothing leaves by it.
readonly SEEM_ONLINE='ip link add seem0 type veth peer name seem1 &&
  ip address add 192.0.2.1/24 dev seem0 && ip link set seem0 up && ip link set seem1 up'

# What is checked in under vendor is what the pinned packages make, byte for byte.
step_bundle() {
  local sources=$REPO/cmd/server/console/bundle home made
  need_commands node=nodejs
  npm_packages "$sources"
  # Beside its packages, for that is where scripts look for them.
  home=$(dirname "$NODE_MODULES")
  cp "$sources"/build.mjs "$sources"/uppy.* "$home"
  made=$(mktemp -d)
  node "$home/build.mjs" "$made"
  diff --recursive --brief "$made" "$REPO/cmd/server/console/vendor"
  rm -r "$made"
}

# Real Chromium. BROWSER_ARTIFACTS keeps screenshots in that directory.
step_browser() {
  need_commands node=nodejs chromium=chromium ip=iproute2 unshare=util-linux
  # Without a font every letter is a box. This one is the page's first choice.
  dpkg-query --show --showformat='${db:Status-Status}' fonts-inter 2>/dev/null | grep -qx installed || apt_install fonts-inter fonts-dejavu-core
  npm_packages "$REPO/.ci/browser"
  programs
  BROWSER_ARTIFACTS=${BROWSER_ARTIFACTS:-$CACHE/browser-artifacts}
  export BROWSER_ARTIFACTS NODE_MODULES
  in_own_network bash -c "$SEEM_ONLINE"' && exec "$@"' browser \
    node --test --test-reporter=spec --test-concurrency=1 "$REPO"/.ci/browser/*.test.mjs 2>&1 | without_signatures
  echo "Screenshots are in $BROWSER_ARTIFACTS"
}
