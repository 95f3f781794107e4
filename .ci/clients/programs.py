"""Starts the programs under test, on free ports and with nothing of this machine's own environment, and stops them."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests

START_SECONDS = 120
STOP_SECONDS = 30
SWEEP_SECONDS = 120


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(home: Path, **variables: str) -> dict[str, str]:
    """What a program gets: no credentials, profiles or settings of whoever runs the tests."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), **variables}


def wait_for(condition, process: subprocess.Popen, what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with {process.returncode} instead of starting")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start within {START_SECONDS} s")
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


@dataclass
class Server:
    """A running draftstore-server."""

    process: subprocess.Popen
    http: str
    grpc: str
    variables: dict[str, str]
    log: Path

    def stop(self) -> None:
        """SIGTERM ends it cleanly, and its log holds nothing that would let a reader in."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        log = self.log.read_text(errors="replace")
        assert code == 0, f"after SIGTERM the server ended with {code}:\n{log[-4000:]}"
        assert "X-Amz-Signature" not in log, "the server logged a presigned URL"
        secret = self.variables.get("AWS_SECRET_ACCESS_KEY")
        assert not secret or secret not in log, "the server logged its secret key"


@contextlib.contextmanager
def server(binary: Path, directory: Path, variables: dict[str, str], ports: tuple[int, int] | None = None):
    """A server started in `directory`, stopped at the end. `ports` are HTTP's and gRPC's; free ones unless said."""
    http, grpc = ports or (free_port(), free_port())
    if ports is None:
        variables = {**variables, "HTTP_PORT": str(http), "GRPC_PORT": str(grpc), "ADMIN_PORT": "0"}
    log = directory / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [binary],
            cwd=directory,
            env=environment(directory, **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Server(process, f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}", variables, log)
    try:
        wait_for(lambda: answers(f"{running.http}/health/live"), process, "draftstore-server")
        yield running
        running.stop()
    except RuntimeError:
        print(log.read_text(errors="replace")[-4000:])
        raise
    finally:
        process.kill()
        process.wait()


def sweep(binary: Path, directory: Path, variables: dict[str, str], *arguments: str) -> str:
    """Runs draftstore-cronjob once and returns what it printed; it must exit 0."""
    done = subprocess.run(
        [binary, *arguments],
        cwd=directory,
        env=environment(directory, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SWEEP_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"draftstore-cronjob ended with {done.returncode}:\n{done.stdout}"
    return done.stdout
