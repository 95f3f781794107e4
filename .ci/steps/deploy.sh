# Steps on what is deployed: Kubernetes manifests and Dockerfiles.

readonly KUBERNETES_VERSION=1.32

step_manifests() {
  venv linters
  kubectl_tool
  "$VENV/bin/python" .ci/manifests/check.py "$KUBECTL" "$VENV/bin/kubernetes-validate" "$KUBERNETES_VERSION"
}

step_dockerfiles() {
  venv linters
  "$VENV/bin/hadolint" Dockerfile.server Dockerfile.cronjob
}
