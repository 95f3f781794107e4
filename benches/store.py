#!/usr/bin/env python3
"""Measures the embedded store, compared to Garage and to plain files on the same disk, all with fsync.

Measures a PUT and a GET of one large object, many small PUTs sixteen at a time, and a listing of many keys, alternately on
the embedded store of a draftstore-server, on Garage and with plain files. Plain files and their directories are synced when
written, and a listing has sizes and times. Requests are signed in advance to keep the client cheap. It shares the machine
with the store, so that ratios are comparable between machines and rates are not. Needs twice the large object's size of disk
space for each store.

    python3 benches/store.py --size 1024 --puts 10000 --keys 100000 --pairs 5
"""

import concurrent.futures
import contextlib
import datetime
import hashlib
import hmac
import itertools
import os
import pathlib
import re
import selectors
import socket
import tempfile
import time
import urllib.parse

import harness

SUBJECT = "embedded store"
BUCKET = "bench"
MIB = 1024 * 1024
# The concurrency of requests for small objects.
CONNECTIONS = 16


def main():
    arguments = parse()
    server = harness.built(arguments, "draftstore-server")["draftstore-server"]
    report = harness.Report("store")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory, contextlib.ExitStack() as stack:
        directory = pathlib.Path(directory)
        embedded = stack.enter_context(harness.Server(server, directory / "embedded"))
        garage = stack.enter_context(harness.Garage(directory / "garage"))
        places = {
            SUBJECT: S3(embedded.store, embedded.credentials()),
            "Garage": S3(garage.endpoint, garage.credentials()),
            "plain files": Files(directory / "files"),
        }
        for work in arguments.only or WORKS:
            for what, acts in WORKS[work](arguments, directory):
                measures = {name: acts(place) for name, place in places.items()}
                report.compare(what, harness.alternate(arguments.pairs, measures), SUBJECT, "s")
    report.write(arguments.json)


def parse():
    parser = harness.options(__doc__)
    parser.add_argument("--size", type=int, default=1024, help="of the large object, in MiB (1024)")
    parser.add_argument("--puts", type=int, default=10_000, help="small objects (10000)")
    parser.add_argument("--small", type=int, default=1024, help="their size, in bytes (1024)")
    parser.add_argument("--keys", type=int, default=100_000, help="keys that are listed (100000)")
    parser.add_argument("--only", action="append", choices=WORKS, help="may be given several times (all)")
    parser.add_argument("--directory", help="where files and stores are (the system's temporary directory)")
    return parser.parse_args()


def large(arguments, directory):
    file = directory / "file"
    size = arguments.size * MIB
    write_random(file, arguments.size)
    yield f"PUT of {arguments.size} MiB", lambda place: lambda: place.put_file("large", file)
    yield f"GET of {arguments.size} MiB", lambda place: lambda: place.get("large", size)


def small(arguments, _):
    body = os.urandom(arguments.small)
    names = [f"{n:06}" for n in range(arguments.puts)]

    def acts(place):
        rounds = itertools.count()
        return lambda: place.put_small(f"small/{next(rounds)}", names, body)

    yield f"{arguments.puts} PUTs of {arguments.small} B", acts


def listing(arguments, _):
    names = [f"{n:06}" for n in range(arguments.keys)]

    def acts(place):
        place.put_small("list", names, b"")
        return lambda: place.list("list", arguments.keys)

    yield f"listing of {arguments.keys} keys", acts


WORKS = {"large": large, "small": small, "list": listing}


def write_random(path, mib):
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())


class S3:
    """A store behind an S3 endpoint, with a bucket."""

    def __init__(self, endpoint, credentials):
        url = urllib.parse.urlsplit(endpoint)
        self.address, self.region = (url.hostname, url.port), credentials["AWS_REGION"]
        self.key, self.secret = credentials["AWS_ACCESS_KEY_ID"], credentials["AWS_SECRET_ACCESS_KEY"]
        with self.connect() as connection:
            connection.sendall(self.request("PUT", headers="Content-Length: 0\r\n"))
            read_response(connection)

    def request(self, method, key="", query=None, headers=""):
        """Returns the head of a request that is signed in its query, without a hash of the body."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key}/{scope}",
            "X-Amz-Date": now,
            "X-Amz-Expires": "3600",
            "X-Amz-SignedHeaders": "host",
        } | (query or {})
        quote = lambda text: urllib.parse.quote(text, safe="-_.~")
        query = "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(query.items()))
        path = f"/{BUCKET}" + (f"/{key}" if key else "")
        host = "%s:%d" % self.address
        canonical = f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        secret = f"AWS4{self.secret}".encode()
        for part in (now[:8], self.region, "s3", "aws4_request", to_sign):
            secret = hmac.digest(secret, part.encode(), "sha256")
        target = f"{path}?{query}&X-Amz-Signature={secret.hex()}"
        return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()

    def connect(self):
        connection = socket.create_connection(self.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def put_file(self, key, file):
        request = self.request("PUT", key, headers=f"Content-Length: {file.stat().st_size}\r\n")
        with self.connect() as connection, file.open("rb") as source:
            started = time.monotonic()
            connection.sendall(request)
            connection.sendfile(source)
            read_response(connection)
            return time.monotonic() - started

    def get(self, key, size):
        buffer = bytearray(MIB)
        with self.connect() as connection:
            started = time.monotonic()
            connection.sendall(self.request("GET", key))
            _, body, length = head(connection)
            assert length == size, length
            left = size - len(body)
            while left > 0:
                received = connection.recv_into(buffer)
                assert received > 0, "the body broke off"
                left -= received
            return time.monotonic() - started

    def put_small(self, prefix, names, body):
        headers = f"Content-Length: {len(body)}\r\n"
        requests = [self.request("PUT", f"{prefix}/{name}", headers=headers) + body for name in reversed(names)]
        started = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for _ in range(min(CONNECTIONS, len(requests))):
                connection = self.connect()
                connection.sendall(requests.pop())
                selector.register(connection, selectors.EVENT_READ, bytearray())
            while selector.get_map():
                for ready, _ in selector.select():
                    ready.data.extend(ready.fileobj.recv(65536))
                    if not ready.data.endswith(b"\r\n\r\n"):
                        assert ready.data.startswith(b"HTTP/1.1 200") or len(ready.data) < 12, bytes(ready.data)
                        continue
                    assert ready.data.startswith(b"HTTP/1.1 200"), bytes(ready.data)
                    ready.data.clear()
                    if requests:
                        ready.fileobj.sendall(requests.pop())
                    else:
                        selector.unregister(ready.fileobj)
                        ready.fileobj.close()
        return time.monotonic() - started

    def list(self, prefix, keys):
        found, token = 0, None
        started = time.monotonic()
        with self.connect() as connection:
            while token is not None or found == 0:
                query = {"list-type": "2", "prefix": f"{prefix}/"} | ({"continuation-token": token} if token else {})
                connection.sendall(self.request("GET", query=query))
                page = read_response(connection)
                found += page.count(b"<Key>")
                more = re.search(rb"<NextContinuationToken>(.*?)</NextContinuationToken>", page)
                token = more and more[1].decode()
        assert found == keys, found
        return time.monotonic() - started


def head(connection):
    """Returns the head of a response, the part of the body received with it, and the body's length, or None if it is chunked."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        assert more, "no response"
        received += more
    lines, body = received.split(b"\r\n\r\n", 1)
    assert lines.startswith(b"HTTP/1.1 200"), received
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", lines)
    return lines, body, int(length[1]) if length else None


def read_response(connection):
    """Returns the body of a response."""
    _, body, length = head(connection)
    while len(body) < length if length is not None else not body.endswith(b"0\r\n\r\n"):
        more = connection.recv(1 << 20)
        assert more, "the response broke off"
        body += more
    return body


class Files:
    """Plain files without a store, synced with their directory before a write returns."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory

    def put_file(self, key, file):
        started = time.monotonic()
        with file.open("rb") as source, (self.directory / key).open("wb") as target:
            while os.sendfile(target.fileno(), source.fileno(), None, 1 << 30):
                pass
            os.fsync(target.fileno())
        self.sync(self.directory)
        return time.monotonic() - started

    def get(self, key, size):
        buffer = bytearray(MIB)
        started = time.monotonic()
        with (self.directory / key).open("rb", buffering=0) as source:
            while source.readinto(buffer):
                pass
        return time.monotonic() - started

    def put_small(self, prefix, names, body):
        directory = self.directory / prefix
        directory.mkdir(parents=True)

        def put(name):
            path = directory / name
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(target, body)
            os.fsync(target)
            os.close(target)
            self.sync(directory)

        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
            for _ in threads.map(put, names):
                pass
        return time.monotonic() - started

    def list(self, prefix, keys):
        started = time.monotonic()
        with os.scandir(self.directory / prefix) as entries:
            found = sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime) for entry in entries)
        assert len(found) == keys
        return time.monotonic() - started

    @staticmethod
    def sync(directory):
        handle = os.open(directory, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


if __name__ == "__main__":
    main()
