"""A rolling restart under load: python restart.py BINARIES

Two servers on one store (the embedded one, of a third process) behind HAProxy, which goes by /health/ready, tries nothing
again, and reuses connections whenever it can. Clients upload and confirm through it without pause, and by gRPC call both
servers directly, while one server after the other is restarted: sent SIGTERM, as a load balancer that knows nothing beforehand
sees it, or first taken out of the endpoints, as Kubernetes does in the preStop pause. Not one call may fail."""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections import Counter
from pathlib import Path

import grpc

from servers import PATIENCE_SECONDS, Server, eventually, free_ports

REQUESTS = 10_000
CLIENTS = 8
GRPC_CLIENTS = 2
# HAProxy looks every 200 ms and believes what it saw twice: time enough to be seen, also on a busy machine.
SHUTDOWN_DELAY = 10

HAPROXY = """
global
  stats socket {socket} level admin
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 30s
  retries 0
  http-reuse always
frontend rest
  bind 127.0.0.1:{port}
  default_backend servers
backend servers
  balance roundrobin
  option httpchk GET /health/ready
  default-server check inter 200ms fall 2 rise 2
  server a 127.0.0.1:{a}
  server b 127.0.0.1:{b}
"""


class Proxy:
    """HAProxy before two servers."""

    def __init__(self, directory, a, b):
        [self.port] = free_ports(1)
        self.socket = directory / "haproxy.sock"
        file = directory / "haproxy.cfg"
        file.write_text(HAPROXY.format(socket=self.socket, port=self.port, a=a.http, b=b.http))
        with (directory / "haproxy.log").open("ab") as log:
            self.process = subprocess.Popen(["haproxy", "-f", file], stdout=log, stderr=log)
        eventually(self.socket.exists, "HAProxy listens", self.process)

    def command(self, text):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(f"{text}\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def stat(self, server, field):
        lines = self.command("show stat").lstrip("# ").splitlines()
        at = lines[0].split(",").index(field)
        [row] = [line.split(",") for line in lines[1:] if line.startswith(f"servers,{server},")]
        return row[at]

    def wait_for(self, server, state):
        eventually(lambda: self.stat(server, "status").startswith(state), f"HAProxy sees {server} {state}", self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Load:
    """Clients that go on until they are told to stop, and what came of their calls."""

    def __init__(self, proxy, servers):
        self.proxy, self.servers = proxy, servers
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.calls = Counter()
        self.failures = []
        work = [self.rest] * CLIENTS + [self.grpc] * GRPC_CLIENTS
        self.threads = [threading.Thread(target=act, args=(number,), daemon=True) for number, act in enumerate(work)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "a client hangs"

    def done(self):
        with self.lock:
            return sum(self.calls.values())

    def counted(self, what, failure=None):
        with self.lock:
            self.calls[what] += 1
            if failure:
                self.failures.append(f"{what}: {failure}")

    def rest(self, client):
        api = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=PATIENCE_SECONDS)
        number = 0
        while not self.stopping.is_set():
            number += 1
            name = {"object_name": f"{client}/{number}"}
            issued = self.call(api, "upload-url", name)
            if issued is None:
                continue
            url = urllib.parse.urlsplit(issued["upload_url"])
            store = http.client.HTTPConnection(url.netloc, timeout=PATIENCE_SECONDS)
            store.request("PUT", f"{url.path}?{url.query}", body=b"bytes", headers=issued.get("headers", {}))
            assert store.getresponse().status == 200, "the store, which is not restarted, takes the upload"
            store.close()
            self.call(api, "confirm-upload", name)

    def call(self, api, path, message):
        try:
            api.request("POST", f"/api/v1/{path}", body=json.dumps(message))
            answer = api.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            api.close()
            self.counted(path, repr(error))
            return None
        self.counted(path, None if answer.status == 200 else f"{answer.status} {body[:200]!r}")
        return json.loads(body) if answer.status == 200 else None

    def grpc(self, client):
        addresses = ",".join(f"127.0.0.1:{server.grpc}" for server in self.servers)
        # As a client of a headless service: it knows both, and takes those that it can reach in turn. No call that a server
        # may have seen is sent again: what such clients do by themselves is to send one elsewhere that the notice to leave has
        # found still in the client, or was told not to be handled (gRPC proposal A6, transparent retries).
        options = [
            ("grpc.lb_policy_name", "round_robin"),
            ("grpc.service_config", '{"methodConfig": []}'),
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.max_reconnect_backoff_ms", 500),
            ("grpc.default_authority", "draftstore"),
        ]
        with grpc.insecure_channel(f"ipv4:{addresses}", options=options) as channel:
            # The messages are bytes as they are on the wire: object_name is field 1.
            issue = channel.unary_unary("/draft.v1.DraftService/GetUploadURL")
            name = f"grpc/{client}".encode()
            message = b"\x0a" + bytes([len(name)]) + name
            while not self.stopping.is_set():
                try:
                    issue(message, timeout=PATIENCE_SECONDS)
                    self.counted("GetUploadURL")
                except grpc.RpcError as error:
                    self.counted("GetUploadURL", f"{error.code()} {error.details()}")


def restart(proxy, server, is_announced):
    """As a rolling update does: the next one's turn is when this one is back."""
    if is_announced:
        proxy.command(f"set server servers/{server.name} state drain")
    server.terminate()
    if not is_announced:
        proxy.wait_for(server.name, "DOWN")
    server.ended()
    server.start()
    proxy.command(f"set server servers/{server.name} state ready")
    proxy.wait_for(server.name, "UP")


def main(binaries):
    binary = Path(binaries).resolve() / "draftstore-server"
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        [store_port] = free_ports(1)
        keys = {"AWS_ACCESS_KEY_ID": "rolling", "AWS_SECRET_ACCESS_KEY": "a secret for this run alone"}
        store = Server(binary, directory, "store", {"STORAGE_TYPE": "embedded", "EMBEDDED_PORT": store_port} | keys)
        variables = {
            "S3_ENDPOINT": f"http://127.0.0.1:{store_port}",
            "SHUTDOWN_DELAY": SHUTDOWN_DELAY,
            "ALLOWED_HOSTS": "draftstore",
        } | keys
        servers = [Server(binary, directory, name, variables) for name in "ab"]
        for server in [store, *servers]:
            stack.callback(server.kill)
            server.start()
        proxy = Proxy(directory, *servers)
        stack.callback(proxy.kill)
        for server in servers:
            proxy.wait_for(server.name, "UP")
        with Load(proxy, servers) as load:
            restarts = 0
            while load.done() < REQUESTS or restarts < 4:
                for server in servers:
                    before = load.done()
                    eventually(lambda: load.done() > before + 100, "clients are answered")
                    restart(proxy, server, is_announced=restarts % 4 >= 2)
                    restarts += 1
        served = {server.name: int(proxy.stat(server.name, "stot")) for server in servers}
    print(f"{restarts} restarts, {dict(load.calls)}, by HAProxy to {served}: {len(load.failures)} failed")
    for failure, number in Counter(load.failures).most_common(20):
        print(f"{number:5d}  {failure}")
    assert not load.failures and all(served.values())


if __name__ == "__main__":
    main(sys.argv[1])
