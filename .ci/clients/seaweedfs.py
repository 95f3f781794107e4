"""SeaweedFS with one or more S3 gateways over the same filer: a store that is not ours."""

import contextlib
import secrets
import subprocess
from pathlib import Path

import requests

from programs import environment, free_port, wait_for

REGION = "us-east-1"

PARTS = ("master", "volume", "filer", "s3")


@contextlib.contextmanager
def seaweedfs(binary: Path, directory: Path, gateways: int = 1):
    """Yields the server's variables for each gateway."""
    key_id, secret = secrets.token_hex(10).upper(), secrets.token_hex(20)
    credentials = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
    (directory / "seaweedfs").mkdir()
    sockets = []

    def port() -> int:
        number = free_port()
        sockets.extend(Path("/tmp").joinpath(f"seaweedfs-{part}-grpc-{number}.sock") for part in PARTS)
        return number

    with contextlib.ExitStack() as stack:
        # Sockets whose names cannot be configured. They may not exist.
        stack.callback(lambda: [socket.unlink(missing_ok=True) for socket in sockets])

        def start(name: str, *arguments: str) -> subprocess.Popen:
            log = stack.enter_context((directory / f"{name}.log").open("ab"))
            process = subprocess.Popen(
                [binary, "-logtostderr", f"-config_dir={directory}", *arguments, "-ip.bind=127.0.0.1"],
                # Other sockets are in this directory, because their paths have to be short.
                cwd=directory,
                env=environment(directory, **credentials),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        filer, filer_grpc = port(), port()
        store = start(
            "store",
            *("server", "-ip=127.0.0.1", f"-dir={directory}/seaweedfs"),
            *(f"-master.port={port()}", f"-master.port.grpc={port()}", "-master.peers=none", "-master.telemetry=false"),
            # Each bucket takes volumes, which are small here and many.
            *("-master.volumeSizeLimitMB=64", "-volume.max=10000", "-volume.preStopSeconds=0"),
            *(f"-volume.port={port()}", f"-volume.port.grpc={port()}"),
            *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", "-filer.localSocket=filer.sock"),
        )
        # A file that is written needs master, volume server and filer.
        wait_for(lambda: answered(requests.put, f"http://127.0.0.1:{filer}/started", data=b"started"), store, "SeaweedFS")
        endpoints = []
        for gateway in range(gateways):
            s3 = port()
            process = start(
                f"gateway-{gateway}",
                *("s3", f"-port={s3}", f"-port.grpc={port()}", "-port.iceberg=0", "-port.lance=0", "-iam=false"),
                *(f"-filer=127.0.0.1:{filer}.{filer_grpc}", f"-localSocket=s3-{gateway}.sock"),
                # As strict as S3: a bucket is created first, and deleted only if it is empty.
                *("-autoCreateBucket=false", "-allowDeleteBucketNotEmpty=false"),
            )
            endpoint = f"http://127.0.0.1:{s3}"
            wait_for(lambda: answered(requests.get, endpoint), process, "the gateway of SeaweedFS")
            endpoints.append(endpoint)
        yield [
            {
                "STORAGE_TYPE": "s3",
                "BIND_ADDRESS": "127.0.0.1",
                "S3_ENDPOINT": endpoint,
                "AWS_REGION": REGION,
                **credentials,
            }
            for endpoint in endpoints
        ]


def answered(method, url: str, **options) -> bool:
    """Returns whether it is there. A gateway that asks for a signature is."""
    try:
        return method(url, timeout=5, **options).status_code < 500
    except requests.RequestException:
        return False
