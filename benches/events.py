#!/usr/bin/env python3
"""Measures the events of a server to a webhook on loopback, beside the same server without a webhook.

Both confirm the same number of drafts on one store, which is a process of its own. What the webhook adds to the CPU time of the
server is the cost of its deliveries. An event is late by the time from its act to its arrival. A webhook that never answers
shows what the server keeps in memory for it.

    python3 benches/events.py --pairs 5
"""

import contextlib
import datetime
import itertools
import json
import multiprocessing
import os
import pathlib
import selectors
import socket
import subprocess
import tempfile
import time
import urllib.request

import harness

WITH, WITHOUT, HANGING = "with a webhook", "without", "with a webhook that hangs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONCURRENCY = 32
# The most CPU time of a delivery: 2,000 deliveries a second and core.
MOST_CPU = 0.0005
# The most time from an act to the arrival of its event, at the 99th percentile.
MOST_DELAY = 1.0


class Sink:
    """A webhook in a process of its own. It acknowledges each event, or never answers. `delays` returns the seconds by which
    the events came after their acts, since it was last called."""

    def __init__(self, hangs=False):
        self.ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_run, args=(theirs, hangs), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{self.ours.recv()}/"

    def delays(self):
        self.ours.send("delays")
        return self.ours.recv()

    def close(self):
        self.process.terminate()
        self.process.join()


def _run(pipe, hangs):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    pipe.send(listener.getsockname()[1])
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    ready.register(pipe, selectors.EVENT_READ)
    received, delays = {}, []
    while True:
        for key, _ in ready.select():
            if key.fileobj is pipe:
                pipe.recv()
                pipe.send(delays)
                delays = []
            elif key.fileobj is listener:
                connection, _ = listener.accept()
                received[connection] = bytearray()
                ready.register(connection, selectors.EVENT_READ)
            elif data := key.fileobj.recv(1 << 16):
                received[key.fileobj] += data
                while not hangs and (event := take(received[key.fileobj])):
                    acted = datetime.datetime.fromisoformat(event["time"]).timestamp()
                    delays.append(time.time() - acted)
                    key.fileobj.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            else:
                ready.unregister(key.fileobj)
                del received[key.fileobj]
                key.fileobj.close()


def take(received):
    """Removes the first request from what was received, and returns its event. None if it is not complete."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    headers = dict(line.lower().split(": ", 1) for line in received[:head].decode().split("\r\n")[1:])
    end = head + 4 + int(headers["content-length"])
    if len(received) < end:
        return None
    event = json.loads(received[head + 4 : end])
    del received[:end]
    return event


def main():
    parser = harness.options(__doc__, programs=("draftstore-server", "confirm_load"))
    parser.add_argument("--count", type=int, default=5000, help="drafts of a round (5000)")
    parser.add_argument("--directory", help="where the store is (the system's temporary directory)")
    arguments = parser.parse_args()
    server = harness.built(arguments, "draftstore-server")["draftstore-server"]
    load = arguments.confirm_load or harness.example("confirm_load")
    report = harness.Report("events")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = pathlib.Path(directory)
        with harness.Server(server, directory / "store") as store:
            measure(arguments, report, server, load, store, directory)
    report.write(arguments.json)


def measure(arguments, report, server, load, store, directory):
    prefixes, delays, rates = itertools.count(), [], []

    def confirm(running, key):
        """Confirms drafts, and returns the CPU time of the server for each."""
        rest = "%s:%d" % running.address("http")
        make_buckets(rest, key)
        command = [load, "rest", str(arguments.count), str(CONCURRENCY), str(next(prefixes))]
        environment = {"S3_ENDPOINT": store.store, "REST": rest, "KEY": key, **store.credentials()}
        before = cpu(running.process.pid)
        said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
        rates.append(arguments.count / float(said.split()[0]))
        return (cpu(running.process.pid) - before) / (arguments.count + 2 * CONCURRENCY)

    def cost(webhook):
        sink = Sink() if webhook else None
        with started(server, store, sink, directory) as (running, key):
            seconds = confirm(running, key)
        if sink:
            delays.extend(sink.delays())
            sink.close()
        return seconds

    def peak(hangs):
        sink = Sink(hangs)
        with started(server, store, sink, directory) as (running, key):
            confirm(running, key)
            memory = running.peak_memory() / (1 << 20)
        sink.close()
        return memory

    figures = harness.alternate(arguments.pairs, {WITHOUT: lambda: cost(False), WITH: lambda: cost(True)})
    report.compare("CPU time of the server for a confirm", figures, WITH, "s")
    pairs = zip(figures.rounds[WITH], figures.rounds[WITHOUT], strict=True)
    report.measure("CPU time of a delivery", [with_events - without for with_events, without in pairs], "s", MOST_CPU)
    late = sorted(delays)[len(delays) * 99 // 100]
    report.measure(f"99 of 100 events came by then, at {min(rates):.0f} confirms a second or more", [late], "s", MOST_DELAY)
    figures = harness.alternate(arguments.pairs, {WITH: lambda: peak(False), HANGING: lambda: peak(True)}, unit="MiB")
    report.compare("peak of the server's memory", figures, HANGING, "MiB")


@contextlib.contextmanager
def started(server, store, sink, directory):
    """Starts a server with a policy, on the store. Yields it and the key of its caller."""
    made = subprocess.run([server, "key", "new", "--name", "load"], check=True, capture_output=True, text=True, env={}).stdout
    key, entry = made.split("\n", 1)
    policy = directory / "policy.toml"
    webhook = "" if sink is None else (
        f'[[webhooks]]\nname = "sink"\nurl = "{sink.url}"\nprivate_hosts = ["127.0.0.1"]\n'
        f'secrets = ["{SECRET}"]\nevents = ["draft.confirmed"]\nconcurrency = 64\n'
    )
    policy.write_text(f'{entry}scopes = ["admin", "confirm"]\n{webhook}')
    unlimited = {limit: "off" for limit in ("RATE_LIMIT", "CONFIRM_RATE_LIMIT", "ADDRESS_RATE_LIMIT")}
    environment = {"STORAGE_TYPE": "s3", "S3_ENDPOINT": store.store, **store.credentials(), **unlimited}
    environment |= {"AUTH": "api-key", "POLICY_FILE": str(policy)}
    with harness.Server(server, environment=environment) as running:
        yield running, key


def make_buckets(rest, key):
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://{rest}/api/v1/draft-bucket", b"{}", headers, method="POST")
    urllib.request.urlopen(request).read()


def cpu(process):
    """Returns the CPU time of a process in seconds."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
