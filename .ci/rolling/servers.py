"""Starts draftstore-servers with nothing of this machine's own environment, always at the same ports."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time

PATIENCE_SECONDS = 60


def free_ports(number):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def eventually(condition, what, process=None, say=lambda: ""):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process is None or process.poll() is None, f"{what}: the process ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS} s {say()}"
        time.sleep(0.02)


class Server:
    """A draftstore-server, always at the same ports."""

    def __init__(self, binary, directory, name, variables):
        self.http, self.grpc, self.admin = free_ports(3)
        ports = {"HTTP_PORT": self.http, "GRPC_PORT": self.grpc, "ADMIN_PORT": self.admin}
        self.binary, self.name, self.directory = binary, name, directory / name
        self.directory.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "BIND_ADDRESS": "127.0.0.1", "CONSOLE": "off"}
        self.environment |= {name: str(value) for name, value in (ports | variables).items()}

    def start(self):
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([self.binary], cwd=self.directory, env=self.environment, stderr=log)
        eventually(lambda: self.readiness() == 200, f"{self.name} is ready", self.process)

    def readiness(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
            connection.request("GET", "/health/ready")
            return connection.getresponse().status
        except OSError:
            return None

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def ended(self):
        code = self.process.wait(PATIENCE_SECONDS)
        assert code == 0, f"{self.name} ended with {code}: {(self.directory / 'log').read_text()[-2000:]}"

    def kill(self):
        if getattr(self, "process", None) and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
