#!/usr/bin/env python3
"""How quickly draftctl uploads a large file, beside rclone or the aws command line client.

All send the same file to the same embedded store, in turn, and what arrived is deleted after each. Needs Rust, and
the clients that are compared: `rclone` (Debian: apt install rclone) or `aws` (PyPI: pip install awscli). Takes twice the
file's size of disk. Server, store and client share one machine: the ratio carries over, more or less, the rates do not.

    python3 benches/upload.py --size 1024 --pairs 5 --peer rclone --peer rclone-quick --peer aws
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
BUCKET = "main-draft"
PART_SIZE = "8Mi"

# What a client is started with, besides file and target. draftctl and rclone send four parts at once by default, aws ten.
PEERS = {
    # As it comes: parts of 5 MiB, and an MD5 of the whole file before the first.
    "rclone": ["rclone", "copyto"],
    # Parts as large as draftctl's, and no MD5 of the whole: nothing but what the protocol asks for.
    "rclone-quick": ["rclone", "copyto", "--s3-disable-checksum", "--s3-chunk-size", PART_SIZE],
    # As it comes: parts of 8 MiB, ten at once.
    "aws": ["aws", "s3", "cp", "--only-show-errors"],
}


def main():
    arguments = parse()
    for peer in arguments.peer:
        if shutil.which(PEERS[peer][0]) is None:
            sys.exit(f"{PEERS[peer][0]} is not installed")
    binaries = build()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = pathlib.Path(directory)
        file = directory / "file"
        write_random(file, arguments.size * MIB)
        with Store(binaries, directory / "data") as store:
            measure(store, Clients(binaries, directory, store), file, arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="of the file, in MiB (1024)")
    parser.add_argument("--pairs", type=int, default=5, help="rounds that count, after one that does not (5)")
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be given several times (rclone)")
    parser.add_argument("--directory", help="where file and store are (the system's temporary directory)")
    arguments = parser.parse_args()
    arguments.peer = arguments.peer or ["rclone"]
    return arguments


def build():
    """The release binaries' directory."""
    packages = ["-p", "draftstore-server", "-p", "draftctl"]
    subprocess.run(["cargo", "build", "--release", "--locked", *packages], cwd=REPOSITORY, check=True)
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"]
    metadata = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    return pathlib.Path(json.loads(metadata)["target_directory"]) / "release"


def write_random(path, size):
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())


class Store:
    """A server on an embedded store of its own, on free ports."""

    def __init__(self, binaries, data):
        self.data = data
        data.mkdir()
        settings = {
            "STORAGE_TYPE": "embedded",
            "EMBEDDED_DATA_DIR": str(data),
            "EMBEDDED_PORT": "0",
            "HTTP_PORT": "0",
            "GRPC_PORT": "0",
            "LOG_FORMAT": "json",
        }
        self.process = subprocess.Popen([binaries / "draftstore-server"], env=settings, stderr=subprocess.PIPE)

    def __enter__(self):
        for line in self.process.stderr:
            line = json.loads(line)
            if line.get("message") == "ready":
                self.server, self.endpoint = f"http://{line['grpc']}", line["store"]
                break
        else:
            sys.exit("the server did not start")
        self.credentials = json.loads((self.data / "credentials.json").read_text())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stderr.read()
        self.process.wait()

    def size(self):
        """Bytes on disk, more or less: files come and go meanwhile."""
        size = 0
        for path in self.data.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                size += path.stat().st_size
        return size

    def wait_until_deleted(self, size):
        """Removed objects leave the disk a little later than the index."""
        while self.size() > size / 10:
            time.sleep(0.05)


class Clients:
    def __init__(self, binaries, directory, store):
        self.draftctl = binaries / "draftctl"
        key, secret = store.credentials["access_key_id"], store.credentials["secret_access_key"]
        self.endpoint = store.endpoint
        # The secret goes by the environment: a command line can be read by everyone.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "DRAFTSTORE_SERVER": store.server,
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "Other",
            "RCLONE_CONFIG_STORE_ENDPOINT": store.endpoint,
            "RCLONE_CONFIG_STORE_REGION": "us-east-1",
            "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": key,
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": secret,
            "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET": "true",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }

    def upload(self, client, file, name):
        """Uploads the file as a draft, and gives the seconds that it took."""
        if client == "draftctl":
            command = [self.draftctl, "upload", "--quiet", "--name", name, file]
        elif client == "aws":
            command = [*PEERS[client], "--endpoint-url", self.endpoint, file, f"s3://{BUCKET}/{name}"]
        else:
            command = [*PEERS[client], file, f"store:{BUCKET}/{name}"]
        started = time.monotonic()
        self.run(command)
        return time.monotonic() - started

    def check_and_discard(self, name, size):
        draft = json.loads(self.run([self.draftctl, "inspect", "--json", name]))
        if int(draft["size"]) != size:
            sys.exit(f"{name} has {draft['size']} bytes, not {size}")
        self.run([self.draftctl, "discard", "--json", name])

    def run(self, command):
        ended = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if ended.returncode:
            sys.exit(f"{command[0]} failed: {ended.stderr.decode()}")
        return ended.stdout


def measure(store, clients, file, arguments):
    size = file.stat().st_size
    taken = {client: [] for client in ["draftctl", *arguments.peer]}
    for number in range(arguments.pairs + 1):
        for client, seconds in taken.items():
            name = f"{client}-{number}"
            seconds.append(clients.upload(client, file, name))
            clients.check_and_discard(name, size)
            store.wait_until_deleted(size)
        shown = ", ".join(f"{client} {seconds[-1]:.2f} s" for client, seconds in taken.items())
        print(f"{'warm-up' if number == 0 else f'round {number}'}: {shown}", flush=True)
    print(f"{arguments.size} MiB, median of {arguments.pairs} rounds in turn; all share {os.cpu_count()} cores:")
    for client, seconds in taken.items():
        del seconds[0]
        print(f"{client}: {statistics.median(seconds):.2f} s, {size / MIB / statistics.median(seconds):.0f} MiB/s")
    for peer in arguments.peer:
        ratios = [theirs / ours for ours, theirs in zip(taken["draftctl"], taken[peer])]
        print(
            f"draftctl's rate to that of {peer}: {statistics.median(ratios):.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
