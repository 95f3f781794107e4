#!/usr/bin/env python3
"""Measures the effect of a thousand slow clients on others: the latency of requests with and without them.

A server on the embedded store serves upload URLs, one request after the other on a persistent connection, while a thousand
others are open: a third sends nothing, a third sends the head of a request byte by byte, and a third started HTTP/2 and
stopped. Slow clients reconnect when the server closes them. Rounds with and without them alternate, so that other load
affects both:

    python3 benches/slow.py --requests 2000 --pairs 5

Needs 2,500 file descriptors (`ulimit -n`).
"""

import http.client
import os
import resource
import selectors
import socket
import statistics
import tempfile
import time

from harness import Report, Server, alternate, built, options

OPENINGS = [b"", b"POST /api/v1/upload-url HTTP/1.1\r\nhost: x\r\nx-slow: ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
DRIP_SECONDS = 0.5


def main():
    parser = options(__doc__)
    parser.add_argument("--sockets", type=int, default=1000, help="slow ones (1000)")
    parser.add_argument("--requests", type=int, default=2000, help="in a round (2000)")
    arguments = parser.parse_args()
    server = built(arguments, "draftstore-server")["draftstore-server"]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory, Server(server, directory, {"HEADER_TIMEOUT": "1"}) as running:
        compare(running.address("http"), arguments)


def compare(address, arguments):
    besides = f"with {arguments.sockets} slow sockets"
    all_latencies = {"without": [], besides: []}

    def alone():
        return median_of("without", latencies(address, arguments.requests))

    def beside_slow_ones():
        with Slow(address, arguments.sockets) as slow:
            median = median_of(besides, latencies(address, arguments.requests))
            print(f"{slow.open()} slow sockets are open, {slow.closed} were closed by the server and came back")
        return median

    def median_of(name, latencies):
        all_latencies[name] += latencies
        return statistics.median(latencies)

    medians = alternate(arguments.pairs, {"without": alone, besides: beside_slow_ones})
    report = Report("slow")
    report.compare("An upload URL, median of each round", medians, besides, "s")
    for name, figures in all_latencies.items():
        cuts = statistics.quantiles(figures, n=100)
        print(f"{name}: 99 % under {cuts[98] * 1e6:.0f} us, {len(figures)} requests, those of the warm-up included")
    report.write(arguments.json)


def latencies(address, requests):
    """Returns the latencies of the requests in seconds. All must succeed."""
    connection = http.client.HTTPConnection(*address)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    latencies = []
    for _ in range(requests):
        started = time.perf_counter()
        connection.request("POST", "/api/v1/upload-url", b'{"object_name":"a"}')
        response = connection.getresponse()
        response.read()
        latencies.append(time.perf_counter() - started)
        assert response.status == 200, response.status
    connection.close()
    return latencies


class Slow:
    """Slow sockets, served by a process of their own, so that they do not take time from the measurement."""

    def __init__(self, address, count):
        self.address, self.count = address, count

    def __enter__(self):
        reading, writing = os.pipe()
        told, telling = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(writing)
            os.close(told)
            drip(self.address, self.count, reading, telling)
            os._exit(0)
        os.close(reading)
        os.close(telling)
        self.writing, self.told = writing, os.fdopen(told)
        assert self.told.readline() == "open\n"
        self.closed = 0
        return self

    def open(self):
        """Returns the number of open sockets, and closes them."""
        os.close(self.writing)
        still, self.closed = map(int, self.told.readline().split())
        return still

    def __exit__(self, *_):
        self.told.close()
        os.waitpid(self.process, 0)


def drip(address, count, until_closed, telling):
    selector = selectors.DefaultSelector()

    def begin(kind):
        slow = socket.create_connection(address)
        slow.setblocking(False)
        slow.send(OPENINGS[kind])
        selector.register(slow, selectors.EVENT_READ, kind)

    for number in range(count):
        begin(number % len(OPENINGS))
    selector.register(until_closed, selectors.EVENT_READ)
    os.write(telling, b"open\n")
    closed, next_drip = 0, time.monotonic() + DRIP_SECONDS
    while True:
        for key, _ in selector.select(max(0, next_drip - time.monotonic())):
            if key.fileobj == until_closed:
                os.write(telling, f"{len(selector.get_map()) - 1} {closed}\n".encode())
                return
            if not said(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()
                closed += 1
                begin(key.data)
        if time.monotonic() >= next_drip:
            for key in list(selector.get_map().values()):
                if key.data == 1:
                    try:
                        key.fileobj.send(b"y")
                    except OSError:
                        # Its end is read in the next iteration.
                        pass
            next_drip += DRIP_SECONDS


def said(slow):
    """Returns true if the socket is still open. Frames that an HTTP/2 server sends are ignored."""
    try:
        return slow.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
