#!/usr/bin/env python3
"""Measures upload URLs per second by REST and by gRPC, compared to empty handlers.

The subjects are the real server with all features and a store that is never called, a bare handler that always returns the
same response, and that handler behind the middleware of the server. Each runs on one core, and wrk and h2load on the others,
alternately and over 32 persistent connections.

    python3 benches/requests.py
"""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import Program, Report, Server, alternate, built, example, need, options

CONNECTIONS = 32
SECONDS = 3
NAME = "photos/2026/file.jpg"

# Rate limits are counted, as by default, and never reached.
RATES = {"RATE_LIMIT": "100000000/10", "ADDRESS_RATE_LIMIT": "100000000/10"}

# The minimum throughput as a share of the reference's.
GOALS = {"bare empty handler": 0.75, "empty handler behind the same middleware": 0.85}


def main():
    parser = options(__doc__, pairs=7)
    parser.add_argument("--empty", metavar="PATH", type=pathlib.Path, help="(the example of the benches)")
    parser.add_argument("--other", metavar="PATH", type=pathlib.Path, help="the server as another profile makes it, beside it")
    arguments = parser.parse_args()
    need({"wrk": "apt-get install wrk", "h2load": "apt-get install nghttp2-client"})
    server = built(arguments, "draftstore-server")["draftstore-server"]
    empty = arguments.empty or example("empty")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this needs two cores: one for the servers, and one for what makes the load")
    ours, theirs = set(cores[:1]), set(cores[1:])
    report = Report("requests")
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as running:
        directory = pathlib.Path(directory)
        store = running.enter_context(Server(server, directory / "store", cores=theirs))
        settings = {"STORAGE_TYPE": "s3", "S3_ENDPOINT": store.store, **store.credentials(), **RATES}
        servers = {
            "bare empty handler": Program([empty, "bare"], cores=ours),
            "empty handler behind the same middleware": Program([empty, "guarded"], cores=ours),
            "DraftStore": Server(server, environment=settings, cores=ours),
        }
        if arguments.other:
            profile = arguments.other.resolve().parent.name
            servers[f"DraftStore in profile {profile}"] = Server(arguments.other, environment=settings, cores=ours)
        for started in servers.values():
            running.enter_context(started)
        for front, load in {"REST": Rest(directory), "gRPC": Grpc(directory)}.items():
            measures = {name: lambda s=started, load=load: load.run(s, theirs) for name, started in servers.items()}
            figures = alternate(arguments.pairs, measures, less_is_better=False, unit="/s")
            report.compare(f"Upload URLs by {front}", figures, "DraftStore", "/s", GOALS)
    report.write(arguments.json)


class Rest:
    """Load by HTTP/1.1."""

    def __init__(self, directory):
        self.script = directory / "post.lua"
        self.script.write_text(
            'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
            f"wrk.body = '{{\"object_name\":\"{NAME}\"}}'\n"
        )

    def run(self, server, cores):
        host, port = server.address("http")
        url = f"http://{host}:{port}/api/v1/upload-url"
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", self.script, url]
        said = loaded(command, cores)
        if "Non-2xx" in said or "Socket errors" in said:
            sys.exit(said)
        return float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1])


class Grpc:
    """Load by HTTP/2, with one call at a time on each connection."""

    def __init__(self, directory):
        name = NAME.encode()
        message = bytes([0x0A, len(name)]) + name
        self.message = directory / "message"
        self.message.write_bytes(bytes([0]) + len(message).to_bytes(4, "big") + message)

    def run(self, server, cores):
        host, port = server.address("grpc")
        url = f"http://{host}:{port}/draft.v1.DraftService/GetUploadURL"
        headers = [word for header in ("content-type: application/grpc", "te: trailers") for word in ("-H", header)]
        command = ["h2load", "-t1", f"-c{CONNECTIONS}", "-m1", f"-D{SECONDS}", "-d", self.message, *headers, url]
        said = loaded(command, cores)
        counted = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", said)
        bytes_of_data = int(re.search(r"\((\d+)\) data", said)[1])
        # gRPC errors also have status 200, but no message.
        if counted[2] != "0" or counted[3] != "0" or bytes_of_data < 300 * int(counted[1]):
            sys.exit(said)
        return float(re.search(r"([\d.]+) req/s", said)[1])


def loaded(command, cores):
    pin = lambda: os.sched_setaffinity(0, cores)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, preexec_fn=pin)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
