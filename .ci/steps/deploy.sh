# Steps on what is deployed: Kubernetes manifests and Dockerfiles.

readonly KUBERNETES_VERSION=1.32

step_manifests() {
  venv linters
  kubectl_tool
  local rendered
  rendered=$(mktemp)
  "$KUBECTL" kustomize manifest >"$rendered"
  "$VENV/bin/kubernetes-validate" --kubernetes-version "$KUBERNETES_VERSION" --strict "$rendered"
  rm "$rendered"
}

step_dockerfiles() {
  venv linters
  "$VENV/bin/hadolint" Dockerfile.server Dockerfile.cronjob
}
