# Steps on what is deployed: Kubernetes manifests, monitoring and Dockerfiles.

readonly KUBERNETES_VERSION=1.32

step_manifests() {
  venv linters
  kubectl_tool
  "$VENV/bin/python" .ci/manifests/check.py "$KUBECTL" "$VENV/bin/kubernetes-validate" "$KUBERNETES_VERSION"
}

# Alerts, dashboard and what the documentation says of them; then a Prometheus over real servers and a sweep.
# MONITORING_PICTURE=docs/operate/dashboard.png draws the dashboard anew.
step_monitoring() {
  venv linters
  need_commands promtool=prometheus prometheus-pushgateway=prometheus-pushgateway \
    prometheus-node-exporter=prometheus-node-exporter ip=iproute2 unshare=util-linux
  promtool check rules manifest/monitoring/alerts.yaml
  promtool test rules manifest/monitoring/alerts.test.yaml
  "$VENV/bin/python" .ci/monitoring/check.py promtool
  programs
  local -a picture=()
  if [[ -n ${MONITORING_PICTURE:-} ]]; then
    need_commands chromium=chromium
    dpkg-query --show --showformat='${db:Status-Status}' fonts-inter 2>/dev/null | grep -qx installed || apt_install fonts-inter
    picture=(--picture "$MONITORING_PICTURE")
  fi
  in_own_network python3 .ci/monitoring/live.py "$DRAFTSTORE_BINARIES" "${picture[@]}" 2>&1 | without_signatures
}

# compose.yaml, read by a parser of its specification, and run without containers.
step_compose() {
  need_commands curl=curl wget=wget ip=iproute2 unshare=util-linux
  seaweedfs_tool
  venv linters
  programs
  in_own_network "$VENV/bin/python" .ci/compose/check.py "$DRAFTSTORE_BINARIES" "$SEAWEEDFS" 2>&1 | without_signatures
}

step_dockerfiles() {
  venv linters
  "$VENV/bin/hadolint" Dockerfile.server Dockerfile.cronjob
}
