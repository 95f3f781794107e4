"""Starts the server on its embedded store, and has schemathesis try every call of the document that it serves.

Every call has to answer 200 at least once: what is refused before it begins shows nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import requests

CREDENTIALS = ("access_key_id", "secret_access_key")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

from programs import answers, free_port, server, wait_for  # noqa: E402


def operations(document: dict) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}


def put(data: Path, url: str, body: str) -> None:
    """Sends a PUT to the store as its owner."""
    credentials = json.loads((data / "credentials.json").read_text())
    signer = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", ":".join(credentials[name] for name in CREDENTIALS)]
    signer += ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    subprocess.run(["curl", "-sSf", *signer, "-X", "PUT", "--data-binary", body, url], check=True)


def prepare(data: Path, port: str) -> None:
    """Enables the versions of main, without which the calls on versions are refused, and keeps an event for the webhook of hooks.py,
    which no policy has."""
    store = f"http://127.0.0.1:{port}"
    versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    put(data, f"{store}/main?versioning=", versioning)
    put(data, f"{store}/main-draft/.drafts/events/backend/7ZZZZZZZZZ0000000000000000", "{}")


def main() -> int:
    binary = Path(os.environ["DRAFTSTORE_BINARIES"]) / "draftstore-server"
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        variables = {
            "STORAGE_TYPE": "embedded",
            "EMBEDDED_DATA_DIR": str(directory / "data"),
            "EMBEDDED_PORT": str(free_port()),
            # A stream ends before schemathesis has had enough of it.
            "WATCH_TIMEOUT": "1",
            "EVENTS_FEED": "on",
        }
        with server(binary, directory, variables) as running:
            wait_for(lambda: answers(f"{running.http}/health/ready"), running.process, "draftstore-server on its store")
            prepare(directory / "data", variables["EMBEDDED_PORT"])
            document = requests.get(f"{running.http}/openapi.json", timeout=10).json()
            outcomes = directory / "outcomes"
            outcomes.touch()
            schemathesis = Path(sys.executable).parent / "schemathesis"
            hooks = {
                "PYTHONPATH": str(HERE),
                "SCHEMATHESIS_HOOKS": "hooks",
                "SCHEMA_BASE_URL": running.http,
                "SCHEMA_OUTCOMES": str(outcomes),
            }
            # Not here: it keeps what it found where it runs, and begins with that the next time.
            tried = subprocess.run(
                [schemathesis, "--config-file", HERE / "schemathesis.toml", "run", f"{running.http}/openapi.json"],
                cwd=directory,
                env={**os.environ, **hooks},
                check=False,
            )
            answered = Counter(tuple(json.loads(line)) for line in outcomes.read_text().splitlines())
    # Schemathesis does not call the place that it has the document from, and without a policy there is no webhook to send to.
    wanted = operations(document) - {("GET", "/openapi.json"), ("POST", "/api/v1/redeliver-events")}
    missing = wanted - {(method, path) for method, path, status in answered if status == 200}
    print(f"{sum(answered.values())} requests to {len(wanted)} calls;", "never answered 200:", sorted(missing) or "none")
    return tried.returncode or bool(missing)


if __name__ == "__main__":
    sys.exit(main())
