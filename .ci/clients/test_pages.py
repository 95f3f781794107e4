"""Every command block of the README and of the pages in docs/, as a reader pastes it.

Each page has an empty directory, one shell for all its blocks, and the default ports. The test fails on the first block that
fails, or whose output is not what the page shows below it.
"""

import base64
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import REPOSITORY, embedded_variables
from pages import Block, blocks, differences, documents, lines_match, value_differs
from programs import server

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
PORTS = (8080, 50051, 9000, 9090, 5173)
PAGE_SECONDS = 300

# Languages of blocks that are not run: they need a cluster, containers, an account at a cloud, or minutes.
NOT_RUN = "console"
# Those of what is no command.
OTHERS = {"caddyfile", "haproxy", "js", "json", "nginx", "text", "toml", "yaml", ""}

# A line that is nothing but a server in the foreground: the reader has another terminal for what follows.
FOREGROUND = re.compile(r"^((?:[A-Z0-9_]+=\S+ )*(?:draftstore-server|cargo run --release))$", re.M)
SERVER = re.compile(r"^(?:[A-Z0-9_]+=\S+ )*(?:draftstore-server|cargo run --release)(?: &)?$", re.M)

# What stands for cargo: its builds are those under test, and its tests are a step of their own.
CARGO = """#!/bin/sh
case "$*" in
  "run --release") exec draftstore-server ;;
  "test --workspace") ;;
  "install --locked --path cmd/server"|"install --locked --path cmd/cronjob"|"install --locked --path cmd/draftctl") ;;
  *) echo "the pages' test does not know: cargo $*" >&2; exit 1 ;;
esac
"""

# Until a server that was started in the background is ready, as its admin port says in plain HTTP whatever the others ask for.
WAIT = """
for attempt in $(seq 600); do
  curl -sf localhost:9090/health/ready > /dev/null && (: < /dev/tcp/127.0.0.1/50051) 2> /dev/null && break
  kill -0 $! 2> /dev/null && ((attempt < 600)) || exit 99
  sleep 0.1
done
"""


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def calls_a_server_of_the_readers(found: list[Block]) -> bool:
    """Whether the page begins with calls, before it starts a server by itself, if it does."""
    starts = [number for number, block in enumerate(found) if SERVER.search(block.commands)]
    before = found[: starts[0]] if starts else found
    return any("localhost:" in block.commands or "draftctl" in block.commands for block in before)


def script(found: list[Block], directory: Path) -> str:
    """All blocks in one shell, each with files of its own for what it prints, and a line when it is done."""
    lines = ["set -euo pipefail"]
    if calls_a_server_of_the_readers(found):
        lines += [f"draftstore-server > {directory}/server.out 2>&1 &", WAIT]
    for number, block in enumerate(found):
        commands = FOREGROUND.sub(r"\1 &", block.commands)
        output = shlex.quote(str(directory / f"{number}.out"))
        lines += [f"echo {number} > {shlex.quote(str(directory / 'at'))}", "{", commands, f"}} > {output} 2> {output[:-4]}.err"]
        if SERVER.search(block.commands):
            lines.append(WAIT)
    return "\n".join([*lines, f"echo done > {shlex.quote(str(directory / 'at'))}", ""])


@contextlib.contextmanager
def session(command: list, **options):
    """A process whose whole group is gone afterwards, with whatever it left in the background."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_free(port: int) -> None:
    """The page before this one has let go of the port."""
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    raise AssertionError(f"port {port} is in use")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_every_block_runs(page, binaries, tmp_path):
    found = blocks(page)
    reader, tools, notes = (tmp_path / part for part in ("reader", "tools", "notes"))
    for directory in (reader, tools, notes):
        directory.mkdir()
    (tools / "cargo").write_text(CARGO)
    (tools / "cargo").chmod(0o755)
    for port in PORTS:
        wait_until_free(port)
    paths = [tools, binaries, Path(sys.executable).parent, os.environ["PATH"]]
    environment = {"PATH": ":".join(map(str, paths)), "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    environment["NODE_PATH"] = os.environ["NODE_MODULES"]
    command = ["bash", "-c", script(found, notes)]
    with session(command, cwd=reader, env=environment, stdin=subprocess.DEVNULL) as shell:
        code = shell.wait(PAGE_SECONDS)
        at = (notes / "at").read_text().strip()
        if code:
            block = found[int(at)]
            said = (notes / f"{at}.out").read_text() + (notes / f"{at}.err").read_text()
            pytest.fail(f"{name(page)}:{block.line} ended with {code}:\n{block.commands}\n{said}")
        assert at == "done"
    for number, block in enumerate(found):
        differs = differences(block, (notes / f"{number}.out").read_text())
        assert not differs, f"{name(page)}:{block.line}:\n{block.commands}\n{differs}"


def test_every_command_is_in_a_block_that_runs_or_says_why_not():
    for page in PAGES:
        text = page.read_text()
        for kind in re.findall(r"^```(\w*)\n.*?^```$", text, re.M | re.S):
            assert kind in {"sh", NOT_RUN} | OTHERS, f"{name(page)}: a block of {kind}"
        if page.parent.name == "guides" or page.name == "README.md":
            assert f"```{NOT_RUN}" not in text, f"{name(page)}: every block of a guide runs"


def rsa_key_set(pem):
    subprocess.run(["openssl", "genrsa", "-out", str(pem), "2048"], check=True, capture_output=True)
    shown = subprocess.run(["openssl", "rsa", "-in", str(pem), "-noout", "-modulus"], check=True, capture_output=True, text=True)
    modulus = bytes.fromhex(shown.stdout.strip().removeprefix("Modulus="))
    return {"keys": [{"kty": "RSA", "kid": "1", "e": "AQAB", "n": base64.urlsafe_b64encode(modulus).rstrip(b"=").decode()}]}


def test_policies_on_the_pages_are_accepted(binaries, tmp_path):
    policies = re.findall(r"^```toml\n(.*?)^```$", (REPOSITORY / "docs/operate/auth.md").read_text(), re.M | re.S)
    assert len(policies) >= 2
    for number, policy in enumerate(policies):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "policy.toml").write_text(policy.replace("6b3a…", "6b" * 32))
        (directory / "jwks.json").write_text(json.dumps(rsa_key_set(directory / "key.pem")))
        (directory / "backend.secrets").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        (directory / "api-keys.toml").write_text(f"shop = ['sha256:{'ab' * 32}']")
        ways = "api-key,jwt" if "api_keys =" in policy else "jwt"
        variables = {**embedded_variables(directory), "AUTH": ways, "POLICY_FILE": str(directory / "policy.toml"), "DESTINATION_BUCKETS": "files-archive"}
        with server(binaries / "draftstore-server", directory, variables):
            pass


def test_blocks_are_counted(capsys):
    counts = {name(page): len(blocks(page)) for page in PAGES}
    promised = sum(1 for page in PAGES for block in blocks(page) if block.kind)
    with capsys.disabled():
        print(f"\n{sum(counts.values())} blocks on {sum(1 for count in counts.values() if count)} pages, {promised} with output")
    assert sum(counts.values()) > 60


def test_promises_are_compared():
    """The comparison itself: what may differ, and what may not."""
    wanted = documents('{"a":"x…","t":"2026-01-01T00:00:00Z","n":[1]}')[0]
    assert not value_differs("", wanted, {"a": "xyz", "t": "2027-11-30T10:11:12.5Z", "n": [1]})
    for other in ({"a": "y", "t": wanted["t"], "n": [1]}, {"a": "x", "t": "soon", "n": [1]}, {"a": "x", "t": wanted["t"], "n": [2]}, {}):
        assert value_differs("", wanted, other)
    assert lines_match(["a", "…", "d …"], ["a", "b", "c", "d e"])
    assert not lines_match(["a", "b"], ["a"])
