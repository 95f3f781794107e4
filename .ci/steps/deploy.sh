# Steps on what is deployed: Kubernetes manifests, monitoring and Dockerfiles.

readonly KUBERNETES_VERSION=1.32

step_manifests() {
  venv linters
  kubectl_tool
  "$VENV/bin/python" .ci/manifests/check.py "$KUBECTL" "$VENV/bin/kubernetes-validate" "$KUBERNETES_VERSION"
}

# Alerts, dashboard and what the documentation says of them.
step_monitoring() {
  venv linters
  need_commands promtool=prometheus
  promtool check rules manifest/monitoring/alerts.yaml
  promtool test rules manifest/monitoring/alerts.test.yaml
  "$VENV/bin/python" .ci/monitoring/check.py promtool
}

# compose.yaml, read by a parser of its specification, and run without containers.
step_compose() {
  venv linters
  need_commands curl=curl ip=iproute2 unshare=util-linux
  garage_tool
  cargo build --workspace --bins --locked
  in_own_network "$VENV/bin/python" .ci/compose/check.py "$(target_directory)/debug" "$GARAGE" 2>&1 | without_signatures
}

step_dockerfiles() {
  venv linters
  "$VENV/bin/hadolint" Dockerfile.server Dockerfile.cronjob
}
