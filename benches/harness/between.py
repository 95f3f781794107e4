"""A proxy that delays requests, like a distant store, and counts them."""

import asyncio
import collections
import multiprocessing
import os
import urllib.parse

MAX_HEAD = 1 << 16


class Proxy:
    """A proxy in front of the store at `upstream`, in a process of its own. It forwards each request after the seconds that
    `latencies` has for its kind, and all others immediately, without parsing bodies and responses, so that it uses little
    CPU time."""

    def __init__(self, upstream, latencies):
        where = urllib.parse.urlsplit(upstream)
        self.ours, theirs = multiprocessing.Pipe()
        arguments = (theirs, where.hostname, where.port, latencies)
        self.process = multiprocessing.get_context("fork").Process(target=_run, args=arguments, daemon=True)
        self.process.start()
        self.endpoint = f"http://127.0.0.1:{self.ours.recv()}"

    def close(self):
        """Stops the proxy. Returns the number of requests by kind, and the seconds that it was busy."""
        self.ours.send("end")
        counts, busy = self.ours.recv()
        self.process.join()
        return counts, busy


def _run(pipe, host, port, latencies):
    asyncio.run(_serve(pipe, host, port, latencies))


async def _serve(pipe, host, port, latencies):
    loop = asyncio.get_running_loop()
    counts = collections.Counter()
    server = await loop.create_server(lambda: _Client(host, port, latencies, counts), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    ended = loop.create_future()
    loop.add_reader(pipe.fileno(), ended.set_result, None)
    started = os.times()
    await ended
    loop.remove_reader(pipe.fileno())
    times = os.times()
    pipe.send((dict(counts), times.user + times.system - started.user - started.system))


class _Client(asyncio.Protocol):
    """A connection of a client, with its connection to the store."""

    def __init__(self, host, port, latencies, counts):
        self.where, self.latencies, self.counts = (host, port), latencies, counts
        self.upstream, self.waiting, self.head, self.body, self.is_late = None, [], bytearray(), 0, False

    def connection_made(self, transport):
        self.transport = transport
        asyncio.get_running_loop().create_task(self.connect())

    async def connect(self):
        loop = asyncio.get_running_loop()
        upstream, _ = await loop.create_connection(lambda: _Store(self), *self.where)
        if self.transport.is_closing():
            upstream.close()
            return
        self.upstream = upstream
        for data in self.waiting:
            upstream.write(data)

    def connection_lost(self, _):
        if self.upstream:
            self.upstream.close()

    def data_received(self, data):
        # A connection has one request at a time, so that a body ends with the received data.
        if self.body:
            self.body -= len(data)
            self.pass_on(data)
            return
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            if len(self.head) > MAX_HEAD:
                self.transport.close()
            return
        whole, self.head = bytes(self.head), bytearray()
        lines = whole[:end].decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        self.body = int(headers.get("content-length", 0)) - (len(whole) - end - 4)
        kind = "copy" if "x-amz-copy-source" in headers else kind_of(*lines[0].split(" ")[:2])
        self.counts[kind] += 1
        if latency := self.latencies.get(kind):
            asyncio.get_running_loop().call_later(latency, self.pass_on, whole)
        else:
            self.pass_on(whole)

    def pass_on(self, data):
        if self.upstream:
            self.upstream.write(data)
        else:
            self.waiting.append(data)


class _Store(asyncio.Protocol):
    def __init__(self, client):
        self.client = client

    def data_received(self, data):
        self.client.transport.write(data)

    def connection_lost(self, _):
        self.client.transport.close()


def kind_of(method, target):
    """Returns the kind of a request."""
    path, _, query = target.partition("?")
    names = {pair.partition("=")[0] for pair in query.split("&")}
    has_key = "/" in path.strip("/")
    if method == "GET" and not has_key and (names & {"list-type", "prefix", "uploads", "delimiter"}):
        return "list"
    if method == "POST" and "delete" in names:
        return "delete of many"
    return {"GET": "get", "HEAD": "head", "PUT": "put", "DELETE": "delete", "POST": "post"}.get(method, method)
