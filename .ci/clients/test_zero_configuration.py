"""The server with nothing configured, as the README starts it: its curl calls as they stand, and a restart."""

import os
import re
import subprocess

import requests

from calls import eventually
from conftest import REPOSITORY, embedded_variables
from programs import environment, server

DEFAULT_PORTS = (8080, 50051)


def curl_calls() -> str:
    """The README's first shell block that takes a file all the way."""
    blocks = re.findall(r"^```(?:sh|shell|bash|console)\n(.*?)^```", (REPOSITORY / "README.md").read_text(), re.M | re.S)
    whole = [block for block in blocks if "upload-url" in block and "confirm-upload" in block]
    assert whole, "README.md has no shell block with upload-url and confirm-upload"
    return whole[0]


def download(http: str, name: str, stage: str) -> requests.Response:
    answer = requests.post(f"{http}/api/v1/download-url", json={"object_name": name, "stage": stage}, timeout=60)
    return requests.get(answer.json()["download_url"], timeout=60) if answer.ok else answer


def test_the_readme_takes_a_file_through(binaries, tmp_path):
    with server(binaries / "draftstore-server", tmp_path, {}, DEFAULT_PORTS) as running:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", curl_calls()],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout)
        assert done.returncode == 0
        assert '"success":true' in done.stdout.replace(" ", "")
        kept = download(running.http, "file.jpg", "STAGE_MAIN")
        assert kept.content == (tmp_path / "file.jpg").read_bytes()
        eventually(lambda: download(running.http, "file.jpg", "STAGE_DRAFT").status_code == 404)


def test_a_restart_loses_nothing(binaries, tmp_path):
    variables = embedded_variables(tmp_path)
    bodies = {name: os.urandom(1024 * 1024) for name in ("kept.bin", "draft.bin")}
    with server(binaries / "draftstore-server", tmp_path, variables) as first:
        for name, body in bodies.items():
            issued = requests.post(f"{first.http}/api/v1/upload-url", json={"object_name": name}, timeout=60).json()
            assert requests.put(issued["upload_url"], data=body, timeout=60).status_code == 200
        confirm = {"object_name": "kept.bin"}
        confirmed = requests.post(f"{first.http}/api/v1/confirm-upload", json=confirm, timeout=60).json()
    with server(binaries / "draftstore-server", tmp_path, variables) as second:
        assert requests.post(f"{second.http}/api/v1/confirm-upload", json=confirm, timeout=60).json() == {**confirmed, "replayed": True}
        assert download(second.http, "kept.bin", "STAGE_MAIN").content == bodies["kept.bin"]
        assert download(second.http, "draft.bin", "STAGE_DRAFT").content == bodies["draft.bin"]


def test_configuration_errors_are_said_together(binaries, tmp_path):
    bad = {"STORAGE_TYPE": "floppy", "HTTP_PORT": "eighty", "UPLOAD_TTL": "0"}
    done = subprocess.run(
        [binaries / "draftstore-server"],
        env=environment(tmp_path, **bad),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 64
    assert all(name in done.stdout + done.stderr for name in bad)
