#!/usr/bin/env python3
"""Measures a scan of a draft by clamd, compared to `clamdscan --stream` with the same file and the same daemon:

    python3 benches/scan.py --pairs 5

A server on the embedded store scans drafts by `check-draft`, which reads them from the store in ranges. The daemon has a
signature of its own, and does not remember files that it has scanned.
"""

import contextlib
import http.client
import json
import os
import pathlib
import random
import socket
import subprocess
import tempfile
import time
import urllib.parse

from harness import Report, Server, alternate, built, need, options

MIB = 1024 * 1024
START_SECONDS = 60
GOAL = 0.9


def main():
    parser = options(__doc__)
    parser.add_argument("--size", type=int, default=64, help="of the file, in MiB (64)")
    arguments = parser.parse_args()
    need({"clamd": "apt-get install clamav-daemon", "clamdscan": "apt-get install clamdscan"})
    binary = built(arguments, "draftstore-server")["draftstore-server"]
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        home = pathlib.Path(directory)
        file = home / "file"
        file.write_bytes(random.Random(1).randbytes(arguments.size * MIB))
        daemon = stack.enter_context(Daemon(home / "clamd"))
        key, policy = policy_of(binary, home / "policy.toml", daemon.socket)
        variables = {"AUTH": "api-key", "POLICY_FILE": str(policy), "CHECK_WAIT": "600", "CHECK_TIMEOUT": "600"}
        server = stack.enter_context(Server(binary, home / "data", variables))
        compare(Client(server.address("http"), key), daemon, file, arguments)


def compare(client, daemon, file, arguments):
    names = (f"draft-{number}" for number in range(arguments.pairs + 1))

    def ours():
        name = next(names)
        issued = client.call("upload-url", name)
        client.put(issued, file)
        return timed(lambda: client.check(name))

    figures = alternate(arguments.pairs, {"check-draft": ours, "clamdscan --stream": lambda: timed(lambda: daemon.scan(file))})
    report = Report("scan")
    what = f"A scan of {arguments.size} MiB by clamd"
    report.compare(what, figures, "check-draft", "s", {"clamdscan --stream": GOAL})
    report.write(arguments.json)


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def policy_of(binary, path, clamd):
    """Writes a policy of one caller whose drafts are scanned. Returns its key and the path."""
    made = subprocess.run([binary, "key", "new", "--name", "scan"], check=True, capture_output=True, text=True).stdout
    key, caller = made.split("\n", 1)
    rest = f'scopes = ["upload", "inspect"]\nprofile = "scanned"\n[profiles.scanned.checks.clamd]\naddresses = ["unix:{clamd}"]\n'
    path.write_text(caller + rest)
    return key, path


class Client:
    """A client of the server, with one connection for its calls."""

    def __init__(self, address, key):
        self.connection = http.client.HTTPConnection(*address)
        self.headers = {"authorization": f"Bearer {key}"}

    def call(self, call, name):
        self.connection.request("POST", f"/api/v1/{call}", json.dumps({"object_name": name}), self.headers)
        response = self.connection.getresponse()
        body = json.load(response)
        assert response.status == 200, body
        return body

    def check(self, name):
        state = self.call("check-draft", name)["checks"]["state"]
        assert state == "CHECK_STATE_ACCEPTED", state

    def put(self, issued, file):
        url = urllib.parse.urlsplit(issued["upload_url"])
        connection = http.client.HTTPConnection(url.hostname, url.port)
        with file.open("rb") as body:
            headers = {**issued.get("headers", {}), "content-length": str(file.stat().st_size)}
            connection.request("PUT", f"{url.path}?{url.query}", body, headers)
            assert connection.getresponse().status == 200
        connection.close()


class Daemon:
    """A clamd on a socket in the directory `home`."""

    def __init__(self, home):
        self.home, self.socket, self.config = home, home / "socket", home / "clamd.conf"

    def __enter__(self):
        self.home.mkdir()
        (self.home / "own.ndb").write_text(f"DraftStore.Bench:0:*:{b'signature of a benchmark'.hex()}\n")
        lines = [
            f"DatabaseDirectory {self.home}",
            f"LocalSocket {self.socket}",
            f"TemporaryDirectory {self.home}",
            "Foreground yes",
            "DisableCache yes",
            "StreamMaxLength 1000M",
            "MaxFileSize 1000M",
            "MaxScanSize 1000M",
            "AlertExceedsMax yes",
        ]
        # Started as root, it would become another user, who may not use the directory.
        if os.geteuid() == 0:
            lines.append("User root")
        self.config.write_text("\n".join(lines) + "\n")
        command = ["clamd", "--config-file", self.config]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while not self.is_listening():
            assert self.process.poll() is None and time.monotonic() < until, "clamd did not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def is_listening(self):
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0

    def scan(self, file):
        command = ["clamdscan", "--stream", "--no-summary", "--config-file", self.config, file]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
