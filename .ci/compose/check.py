"""compose.yaml, checked as far as it goes without containers: python check.py BINARIES SEAWEEDFS

It is read by a parser of the Compose specification, and then its services are run as plain processes: with the programs, commands
and variables that it names, in a network of their own where its ports are free, and every host name is this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import compose_spec
import yaml

REPO = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


def main(binaries, seaweedfs):
    text = (REPO / "compose.yaml").read_text()
    compose = yaml.safe_load(text)
    compose_spec.ComposeSpecification.model_validate({name: part for name, part in compose.items() if not name.startswith("x-")})
    services = compose["services"]
    check_names(compose)
    programs = {"/usr/local/bin/draftstore-server": Path(binaries) / "draftstore-server"}
    entrypoints = {"server": Path(binaries) / "draftstore-server", "cronjob": Path(binaries) / "draftstore-cronjob", "seaweedfs": seaweedfs}
    running = []
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        (directory / "data").mkdir()

        def environment(service):
            values = service.get("environment", {}).items()
            local = {name: re.sub(rf"//({'|'.join(services)}):", "//127.0.0.1:", str(value)) for name, value in values}
            return {"PATH": os.environ["PATH"], "HOME": str(directory)} | local

        def run(service, command, **options):
            return subprocess.run(command, cwd=directory, env=environment(service), timeout=PATIENCE_SECONDS, **options)

        try:
            for name in in_order(services):
                service = services[name]
                if name == "buckets":
                    command = [part.replace("//server:", "//127.0.0.1:") for part in service["command"]]
                    print(run(service, ["curl", *command], check=True, stdout=subprocess.PIPE, text=True).stdout)
                    continue
                command = [entrypoints[name], *(part.replace("=/data", f"={directory}/data") for part in service.get("command", []))]
                with (directory / f"{name}.log").open("ab") as log:
                    # A container has a network of its own; here a program must find its defaults free.
                    process = subprocess.Popen(command, cwd=directory, env=container(environment(service), name), stdout=log, stderr=log)
                running.append((name, process))
                if "healthcheck" in service:
                    check = [programs[part] if part in programs else part for part in service["healthcheck"]["test"][1:]]
                    deadline = time.monotonic() + PATIENCE_SECONDS
                    while run(service, check, capture_output=True).returncode:
                        assert process.poll() is None and time.monotonic() < deadline, f"{name}: {(directory / f'{name}.log').read_text()[-3000:]}"
                        time.sleep(0.2)
            take_a_file_through(compose)
            for name, process in reversed(running):
                assert process.poll() is None, f"{name} has ended: {(directory / f'{name}.log').read_text()[-3000:]}"
        finally:
            for name, process in reversed(running):
                # Asked to end, SeaweedFS's filer waits for its volume server for ever. Docker kills it after ten seconds.
                process.send_signal(signal.SIGKILL if name == "seaweedfs" else signal.SIGTERM)
            for _, process in reversed(running):
                process.wait(PATIENCE_SECONDS)
    print(f"compose.yaml: {', '.join(services)}")


def container(environment, name):
    """The images' own setting, and what a container's address would be."""
    return environment | ({"BIND_ADDRESS": "0.0.0.0"} if name == "server" else {})


def in_order(services):
    """Each behind those that it depends on."""
    ordered = []

    def add(name):
        for before in services[name].get("depends_on", {}):
            add(before)
        if name not in ordered:
            ordered.append(name)

    for name in services:
        add(name)
    return ordered


def check_names(compose):
    """Variables are read by something, files are there, ports are for this machine alone."""
    known = set(re.findall(r"^\| `([A-Z0-9_]+)`", (REPO / "docs/reference/configuration.md").read_text(), re.MULTILINE))
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            assert name == "seaweedfs" or variable in known, f"{name}: nothing reads {variable}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (REPO / source).is_file() if source.startswith(".") else source in compose["volumes"], f"{name}: {source}"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), f"{name}: others reach it"
        if "build" in service:
            assert (REPO / service["build"]["dockerfile"]).is_file(), f"{name}: no Dockerfile"


def take_a_file_through(compose):
    """As a page of the console does: with its origin, and by the URL that a browser would use."""
    origin = compose["services"]["server"]["environment"]["CORS_ALLOWED_ORIGINS"].split(",")[0]

    def call(path, **message):
        request = urllib.request.Request(f"http://127.0.0.1:8080/api/v1/{path}", json.dumps(message).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    issued = call("upload-url", object_name="file.txt")
    url = urllib.parse.urlsplit(issued["upload_url"])
    assert url.netloc == "localhost:8333", url.netloc
    preflight = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    with urllib.request.urlopen(urllib.request.Request(issued["upload_url"], headers=preflight, method="OPTIONS"), timeout=PATIENCE_SECONDS) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] in (origin, "*"), dict(answer.headers)
    upload = urllib.request.Request(issued["upload_url"], b"bytes", issued.get("headers", {}), method="PUT")
    urllib.request.urlopen(upload, timeout=PATIENCE_SECONDS)
    kept = call("confirm-upload", object_name="file.txt")
    assert kept["success"] and kept["size"] == "5", kept
    with urllib.request.urlopen(call("download-url", object_name="file.txt")["download_url"], timeout=PATIENCE_SECONDS) as answer:
        assert answer.read() == b"bytes"
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=PATIENCE_SECONDS) as answer:
        assert b"<html" in answer.read(), "the console"
    with urllib.request.urlopen("http://127.0.0.1:9090/health/ready", timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200


if __name__ == "__main__":
    main(*sys.argv[1:])
