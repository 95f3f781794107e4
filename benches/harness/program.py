"""Starting, awaiting and stopping of programs."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import threading


class Program:
    """A program that logs lines of JSON to stderr, and one with the message `ready` when it serves.

    Our server does this with LOG_FORMAT=json, and `empty` does as well. `said` has the fields of that line. The program gets only
    the variables in `environment`. With `cores`, a set of numbers, it runs only on these cores, and a runtime with a thread
    per core starts that many threads.
    """

    def __init__(self, command, environment=None, cores=None):
        self.command, self.environment, self.cores = command, environment or {}, cores

    def __enter__(self):
        pin = (lambda: os.sched_setaffinity(0, self.cores)) if self.cores else None
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=pin
        )
        heard = []
        for line in self.process.stderr:
            heard.append(line)
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if said.get("message") == "ready" and "http" in said:
                self.said = said
                threading.Thread(target=self.process.stderr.read, daemon=True).start()
                return self
        self.process.wait()
        sys.exit(f"{self.command[0]} did not start:\n{b''.join(heard).decode(errors='replace')}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def address(self, name):
        """Returns an address of the `ready` line as host and port."""
        host, port = self.said[name].rsplit(":", 1)
        return host, int(port)

    def memory(self):
        """Returns the resident memory in bytes."""
        return self._status("VmRSS")

    def peak_memory(self):
        """Returns the peak of the resident memory in bytes."""
        return self._status("VmHWM")

    def _status(self, field):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
        raise KeyError(field)


class Server(Program):
    """Our server on free ports, with an embedded store in the directory `data`, or with the store of `environment`."""

    def __init__(self, binary, data=None, environment=None, cores=None):
        self.data = data and pathlib.Path(data)
        settings = {"HTTP_PORT": "0", "GRPC_PORT": "0", "BIND_ADDRESS": "127.0.0.1", "LOG_FORMAT": "json"}
        if data:
            self.data.mkdir(parents=True, exist_ok=True)
            settings |= {"STORAGE_TYPE": "embedded", "EMBEDDED_DATA_DIR": str(data), "EMBEDDED_PORT": "0"}
        super().__init__([binary], settings | (environment or {}), cores)

    @property
    def store(self):
        """Returns the endpoint of the embedded store."""
        return self.said["store"]

    def credentials(self):
        """Returns the key of the embedded store in the environment variables of S3 clients."""
        key = json.loads((self.data / "credentials.json").read_text())
        return {
            "AWS_ACCESS_KEY_ID": key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
            "AWS_REGION": "us-east-1",
        }


def free_port():
    """Returns a free port, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
