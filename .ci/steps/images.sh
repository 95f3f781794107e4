# Builds the images on a base made with debootstrap, without pulling one, and starts the server from the root file system of its
# image. Takes half an hour, so it runs only by name: bash .ci/run images

# The one image that the Dockerfiles begin with.
readonly IMAGES_BASE=docker.io/library/rust:1.95-slim-bookworm

step_images() {
  ((EUID == 0)) || { echo 'making a base and a root file system needs root' >&2; return 1; }
  need_commands buildah=buildah debootstrap=debootstrap curl=curl ip=iproute2 unshare=util-linux
  images inspect --type image "$IMAGES_BASE" >/dev/null 2>&1 || make_base
  local program
  for program in server cronjob; do
    images bud --isolation chroot --pull-never --layers --format docker \
      --file "Dockerfile.$program" --tag "draftstore-$program" .
  done
  for program in server cronjob; do
    report_image "$program"
  done
  serve_from_image
}

# buildah on a store of its own. IMAGES_STORAGE_DRIVER=vfs where overlays cannot be mounted: it copies every layer.
images() {
  buildah --root "$CACHE/images" --runroot "$CACHE/images-running" \
    --storage-driver "${IMAGES_STORAGE_DRIVER:-overlay}" "$@"
}

# Makes the base: Debian with the installed Rust, laid out as in the image of that name.
make_base() {
  local root container mirror suite=${IMAGES_BASE##*-}
  [[ $(rustc --version) == "rustc $(cut -d: -f2 <<<"$IMAGES_BASE" | cut -d- -f1)."* ]] || {
    echo "the base wants the Rust of its name, and this is $(rustc --version)" >&2
    return 1
  }
  root=$(mktemp -d)
  # The mirror that apt uses, if it has the same release of Debian.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" "Created-By: Packages" 2>/dev/null | head -1 || true)
  debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev "$suite" "$root" "${mirror:-https://deb.debian.org/debian}"
  rm -rf "$root"/var/cache/apt/archives/*.deb
  mkdir -p "$root/usr/local/rustup" "$root/usr/local/cargo/bin"
  cp --archive "$(rustc --print sysroot)" "$root/usr/local/rustup/toolchain"
  rm -rf "$root/usr/local/rustup/toolchain/share/doc"
  ln -s ../../rustup/toolchain/bin/{cargo,rustc,rustdoc} "$root/usr/local/cargo/bin"
  # The host's certificate authorities, for downloads alone: the images trust those of Debian.
  cp /etc/ssl/certs/ca-certificates.crt "$root/usr/local/cargo/download.crt"
  container=$(images from scratch)
  images add --quiet "$container" "$root" /
  images config --env PATH=/usr/local/cargo/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
    --env CARGO_HOME=/usr/local/cargo --env CARGO_HTTP_CAINFO=/usr/local/cargo/download.crt "$container"
  images commit --quiet --rm "$container" "$IMAGES_BASE"
  rm -rf "$root"
}

# Prints the contents and the size of an image.
report_image() {
  local container root
  container=$(images from --pull-never "localhost/draftstore-$1")
  root=$(images mount "$container")
  echo "draftstore-$1: $(du --summarize --apparent-size --bytes "$root" | cut -f1) bytes in all, of these:"
  (cd "$root" && find . -type f -printf '%10s %p\n' | sort --reverse --numeric-sort | head -12)
  echo "components in its SBOM: $(python3 -c 'import json, sys; print(len(json.load(sys.stdin)["components"]))' \
    <"$root/usr/share/sbom/draftstore-$1.cdx.json")"
  images rm "$container" >/dev/null
}

# The server in its image's root file system, as the image's user, on the store that needs nothing else: it must become ready,
# and the image's own health check must say so.
serve_from_image() {
  local container root
  container=$(images from --pull-never localhost/draftstore-server)
  root=$(images mount "$container")
  install --directory --owner=65532 --group=65532 "$root/data"
  in_own_network bash -euo pipefail -c '
    inside() {
      exec env --ignore-environment STORAGE_TYPE=embedded EMBEDDED_DATA_DIR=/data \
        "$chroot" --userspec=65532:65532 "$root" /usr/local/bin/draftstore-server "$@"
    }
    root=$1 chroot=$(command -v chroot)
    inside &
    trap "kill $!; wait" EXIT
    curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors --retry-max-time 60 \
      http://127.0.0.1:8080/health/ready
    echo
    (inside health)
    curl --silent --fail http://127.0.0.1:8080/api/v1/upload-url --data "{\"object_name\":\"file.jpg\"}" >/dev/null
    echo "The server runs in its image, is ready, and signs"
  ' serve "$root"
  images rm "$container" >/dev/null
}
