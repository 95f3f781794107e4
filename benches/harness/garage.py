"""Garage, the store that ours is compared to."""

import os
import pathlib
import secrets
import subprocess
import sys
import time

from .command_line import need
from .program import free_port

INSTALL = "cargo install garage --version 2.5.0 --locked --no-default-features --features bundled-libs,sqlite,lmdb"
REGION = "garage"
START_SECONDS = 30


class Garage:
    """A Garage of one node in the directory `data`, with a key that may create buckets. With `fsync` an acknowledged write is on
    disk, as in our embedded store. By default Garage leaves that to the operating system."""

    def __init__(self, data, fsync=True, cores=None):
        need({"garage": INSTALL})
        self.data, self.fsync, self.cores = pathlib.Path(data), fsync, cores

    def __enter__(self):
        self.data.mkdir(parents=True, exist_ok=True)
        rpc, s3 = free_port(), free_port()
        self.config = self.data / "garage.toml"
        self.config.write_text(
            f"""metadata_dir = "{self.data}/meta"
data_dir = "{self.data}/data"
db_engine = "lmdb"
metadata_fsync = {str(self.fsync).lower()}
data_fsync = {str(self.fsync).lower()}
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secrets.token_hex(32)}"

[s3_api]
s3_region = "{REGION}"
api_bind_addr = "127.0.0.1:{s3}"
"""
        )
        pin = (lambda: os.sched_setaffinity(0, self.cores)) if self.cores else None
        log = self.data / "garage.log"
        with log.open("wb") as output:
            command = ["garage", "-c", self.config, "server"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=pin)
        until = time.monotonic() + START_SECONDS
        while self._command("status", check=False).returncode:
            if self.process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                sys.exit(f"garage did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        node = self._command("node", "id", "-q").stdout.split("@")[0].strip()
        self._command("layout", "assign", "-z", "dc1", "-c", "100G", node)
        self._command("layout", "apply", "--version", "1")
        self.key_id, self.secret = f"GK{secrets.token_hex(12)}", secrets.token_hex(32)
        self._command("key", "import", "--yes", "-n", "benchmark", self.key_id, self.secret)
        self._command("key", "allow", "--create-bucket", self.key_id)
        self.endpoint = f"http://127.0.0.1:{s3}"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def credentials(self):
        """Returns the key in the environment variables of S3 clients."""
        return {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": REGION}

    def environment(self):
        """Returns the environment variables that make our server and cronjob use this store."""
        return {"STORAGE_TYPE": "s3", "S3_ENDPOINT": self.endpoint, **self.credentials()}

    def _command(self, *arguments, check=True):
        command = ["garage", "-c", self.config, *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check)
