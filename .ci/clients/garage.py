"""One Garage node, with a key that may make buckets: a store that is not ours."""

import contextlib
import secrets
import subprocess
from pathlib import Path

from programs import environment, free_port, wait_for

REGION = "garage"


@contextlib.contextmanager
def garage(binary: Path, directory: Path):
    """Yields the server's variables that reach it, in a list."""
    config = directory / "garage.toml"
    rpc, s3 = free_port(), free_port()
    config.write_text(
        f"""
metadata_dir = "{directory}/meta"
data_dir = "{directory}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secrets.token_hex(32)}"

[s3_api]
s3_region = "{REGION}"
api_bind_addr = "127.0.0.1:{s3}"
"""
    )

    def command(*arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(
            [binary, "-c", config, *arguments],
            env=environment(directory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
        )

    with (directory / "garage.log").open("ab") as log:
        process = subprocess.Popen(
            [binary, "-c", config, "server"],
            env=environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: command("status", check=False).returncode == 0, process, "Garage")
        node = command("node", "id", "-q").stdout.split("@")[0].strip()
        command("layout", "assign", "-z", "dc1", "-c", "10G", node)
        command("layout", "apply", "--version", "1")
        key_id, secret = f"GK{secrets.token_hex(12)}", secrets.token_hex(32)
        command("key", "import", "--yes", "-n", "draftstore", key_id, secret)
        command("key", "allow", "--create-bucket", key_id)
        yield [{
            "STORAGE_TYPE": "s3",
            "BIND_ADDRESS": "127.0.0.1",
            "S3_ENDPOINT": f"http://127.0.0.1:{s3}",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
        }]
    finally:
        process.kill()
        process.wait()
