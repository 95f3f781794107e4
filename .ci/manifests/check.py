"""Renders every overlay, alone and with every optional component, and holds what comes out against schemas and against the
programs: python check.py KUBECTL KUBERNETES_VALIDATE KUBERNETES_VERSION

Kubernetes' own kinds are checked strictly by kubernetes-validate; the Prometheus Operator's, which it does not know, by
operator.schema.json."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import yaml

REPO = Path(__file__).resolve().parents[2]
OPERATOR = "monitoring.coreos.com/v1"
# Components that every production overlay has, and what needs it.
INCLUDED = {"production"}
NEEDS_PRODUCTION = {"sharded-sweep"}


def main(kubectl, validate, version):
    schema = json.loads(Path(__file__).with_name("operator.schema.json").read_text())
    known = variables()
    with tempfile.TemporaryDirectory() as directory:
        manifest = Path(directory) / "manifest"
        shutil.copytree(REPO / "manifest", manifest)
        components = {path.parent.name for path in manifest.glob("components/*/kustomization.yaml")} - INCLUDED
        for overlay in sorted(path.parent.name for path in manifest.glob("overlays/*/kustomization.yaml")):
            for chosen in [[], *([name] for name in sorted(components)), sorted(components)]:
                if overlay == "dev" and NEEDS_PRODUCTION & set(chosen):
                    continue
                name = " + ".join([overlay, *chosen])
                objects = render(kubectl, manifest, overlay, chosen)
                check_schemas(validate, version, schema, objects, Path(directory) / "rendered.yaml", name)
                check_variables(objects, known, name)
                check_references(objects, name)
                check_time_to_end(objects, name)
                if overlay == "aws":
                    check_no_static_keys(objects, name)
                check_shards(objects, name)
                print(f"{name}: {len(objects)} objects")


def render(kubectl, manifest, overlay, components):
    """What `kubectl apply -k` would apply for a kustomization that a user may write."""
    mine = manifest / "mine"
    mine.mkdir(exist_ok=True)
    (mine / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [f"../overlays/{overlay}"],
                "components": [f"../components/{name}" for name in components],
            }
        )
    )
    rendered = subprocess.run([kubectl, "kustomize", str(mine)], check=True, stdout=subprocess.PIPE, text=True)
    return [one for one in yaml.safe_load_all(rendered.stdout) if one]


def check_schemas(validate, version, schema, objects, file, name):
    for one in objects:
        if one["apiVersion"] == OPERATOR:
            jsonschema.Draft202012Validator(schema).validate(one)
    file.write_text(yaml.safe_dump_all(one for one in objects if one["apiVersion"] != OPERATOR))
    checked = subprocess.run([validate, "--kubernetes-version", version, "--strict", str(file)], stdout=subprocess.PIPE)
    assert checked.returncode == 0, f"{name}: {checked.stdout.decode()}"


def variables():
    """Every variable that the programs read: a test holds the page against their declarations."""
    page = (REPO / "docs/reference/configuration.md").read_text()
    return set(re.findall(r"^\| `([A-Z0-9_]+)`", page, re.MULTILINE))


def containers(objects):
    for one in objects:
        if one["kind"] == "Deployment":
            yield one["spec"]["template"]["spec"]
        if one["kind"] == "CronJob":
            yield one["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def check_variables(objects, known, name):
    """A variable that nothing reads is a mistake."""
    given = set()
    for one in objects:
        if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("draftstore-config"):
            given |= set(one["data"])
        if one["kind"] == "Secret" and "credentials" in one["metadata"]["name"]:
            given |= set(one["stringData"])
    for pod in containers(objects):
        for container in pod["containers"]:
            given |= {variable["name"] for variable in container.get("env", [])}
    assert not given - known, f"{name}: nothing reads {sorted(given - known)}"


def check_references(objects, name):
    """Whatever a pod refers to by name is there, in the one namespace."""
    there = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for one in objects:
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == "draftstore", f"{name}: {one['metadata']}"
    for pod in containers(objects):
        wanted = {("ServiceAccount", pod["serviceAccountName"])}
        for container in pod["containers"]:
            for source in container.get("envFrom", []):
                for field, kind in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")]:
                    if field in source:
                        wanted.add((kind, source[field]["name"]))
        for volume in pod.get("volumes", []):
            if "persistentVolumeClaim" in volume:
                wanted.add(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
            for source in volume.get("projected", {}).get("sources", []):
                wanted |= {(kind, source[field]["name"]) for field, kind in
                           [("configMap", "ConfigMap"), ("secret", "Secret")] if field in source}
        assert not wanted - there, f"{name}: missing {sorted(wanted - there)}"


def check_time_to_end(objects, name):
    """A pod is killed no earlier than the server may need to end by itself."""
    drain = re.search(r"DRAIN_TIMEOUT: Duration = Duration::from_secs\((\d+)\)", (REPO / "cmd/server/src/serve.rs").read_text())
    config = next(one["data"] for one in objects if one["kind"] == "ConfigMap" and "CONFIRM_TIMEOUT" in one["data"])
    pod = next(one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment")
    pause = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    needed = pause + int(config["SHUTDOWN_DELAY"]) + int(drain[1]) + int(config["CONFIRM_TIMEOUT"])
    assert pod["terminationGracePeriodSeconds"] > needed, f"{name}: {needed} seconds and some are needed"


def check_no_static_keys(objects, name):
    assert "ACCESS_KEY" not in yaml.safe_dump_all(objects), f"{name}: there is an identity, and no key"
    accounts = [one for one in objects if one["kind"] == "ServiceAccount"]
    roles = {one["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] for one in accounts}
    assert len(roles) == len(accounts) == 2, f"{name}: each has a role of its own"


def check_shards(objects, name):
    for one in objects:
        if one["kind"] == "CronJob":
            job = one["spec"]["jobTemplate"]["spec"]
            env = {variable["name"]: variable for variable in job["template"]["spec"]["containers"][0].get("env", [])}
            if env:
                assert int(env["SWEEP_SHARDS"]["value"]) == job["completions"], f"{name}: shards and pods differ"
                assert "backoffLimit" not in job, f"{name}: one failing shard would end the others"


if __name__ == "__main__":
    main(*sys.argv[1:])
