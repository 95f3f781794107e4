#!/usr/bin/env python3
"""Measures the server's memory on one core and with S3 as its store: idle, with 10,000 idle clients that keep their
connections, and under load. On two cores, with a thread for each, it uses about 1 MiB more.

    python3 benches/memory.py
"""

import os
import pathlib
import resource
import socket
import subprocess
import sys
import tempfile
import time

from harness import Report, Server, built, need, options

CLIENTS = 10_000
AT_MOST_MIB = 20
REQUEST = b"POST /api/v1/upload-url HTTP/1.1\r\nhost: localhost\r\ncontent-length: 19\r\n\r\n" + b'{"object_name":"a"}'
MIB = 1024 * 1024


def main():
    arguments = options(__doc__, pairs=3).parse_args()
    need({"wrk": "apt-get install wrk"})
    server = built(arguments, "draftstore-server")["draftstore-server"]
    descriptors = CLIENTS + 1000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        sys.exit(f"this needs {descriptors} descriptors: ulimit -Hn {descriptors}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    rounds = []
    with tempfile.TemporaryDirectory() as directory, Server(server, pathlib.Path(directory)) as store:
        settings = {"STORAGE_TYPE": "s3", "S3_ENDPOINT": store.store, **store.credentials()}
        for number in range(arguments.pairs):
            rounds.append(measured(server, settings))
            print(f"round {number + 1}: " + ", ".join(f"{figure:.4g}" for figure in rounds[-1]), flush=True)
    idle, each, loaded, peak = zip(*rounds, strict=True)
    report = Report("memory")
    report.measure("Resident, idle", list(idle), "MiB", AT_MOST_MIB)
    report.measure(f"For each of {CLIENTS} idle clients", list(each), "KiB")
    report.measure("Resident after load by 64 clients", list(loaded), "MiB")
    report.measure("Resident at most, with all of that", list(peak), "MiB")
    report.write(arguments.json)


def measured(server, settings):
    """Returns the idle memory in MiB, the memory per idle client in KiB, the memory after load in MiB, and the peak in MiB."""
    rates = {"RATE_LIMIT": "off", "ADDRESS_RATE_LIMIT": "off"}
    most = str(CLIENTS + 100)
    settings = settings | rates | {"MAX_CONNECTIONS": most, "MAX_CONNECTIONS_PER_ADDRESS": most}
    core = {min(os.sched_getaffinity(0))}
    with Server(server, environment=settings, cores=core) as running:
        time.sleep(1)
        idle = running.memory()
        load(running)
        loaded = running.memory()
        clients = [client(running.address("http")) for _ in range(CLIENTS)]
        with_clients = running.memory()
        assert all(responds(one) for one in clients[:: CLIENTS // 100]), "idle clients are served"
        for one in clients:
            one.close()
        return idle / MIB, (with_clients - loaded) / CLIENTS / 1024, loaded / MIB, running.peak_memory() / MIB


def client(address):
    """Opens a client that sends one request and keeps its connection."""
    connection = socket.create_connection(address)
    assert responds(connection)
    return connection


def responds(connection):
    connection.sendall(REQUEST)
    response = b""
    while b"\r\n\r\n" not in response or not response.endswith(b"}"):
        response += connection.recv(4096)
    return response.startswith(b"HTTP/1.1 200")


def load(running):
    host, port = running.address("http")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.body = \'{"object_name":"a"}\'\n')
        script.flush()
        command = ["wrk", "-t1", "-c64", "-d3", "-s", script.name, f"http://{host}:{port}/api/v1/upload-url"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
