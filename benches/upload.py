#!/usr/bin/env python3
"""Measures the upload of a large file with draftctl, compared to rclone or the aws command-line client.

All send the same file to the same embedded store alternately, and the object is deleted after each. Needs Rust, and the
clients that are compared: `rclone` (Debian: apt install rclone) or `aws` (PyPI: pip install awscli), and twice the file's
size of disk space. Server, store and client share one machine, so that ratios are comparable between machines and rates are
not.

    python3 benches/upload.py --size 1024 --pairs 5 --peer rclone --peer rclone-quick --peer aws
"""

import contextlib
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from harness import Report, Server, alternate, built, need, options

MIB = 1024 * 1024
BUCKET = "main-draft"
PART_SIZE = "8Mi"

# The command of each client, without file and target. By default draftctl and rclone send four parts at once, aws ten.
PEERS = {
    # The defaults: parts of 5 MiB, and an MD5 of the whole file first.
    "rclone": ["rclone", "copyto"],
    # Parts as large as those of draftctl, and no MD5 of the whole file: only what the protocol requires.
    "rclone-quick": ["rclone", "copyto", "--s3-disable-checksum", "--s3-chunk-size", PART_SIZE],
    # The defaults: parts of 8 MiB, ten at once.
    "aws": ["aws", "s3", "cp", "--only-show-errors"],
}


INSTALL = {"rclone": "apt-get install rclone", "aws": "pip install awscli"}


def main():
    arguments = parse()
    need({PEERS[peer][0]: INSTALL[PEERS[peer][0]] for peer in arguments.peer})
    programs = built(arguments, "draftstore-server", "draftctl")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = pathlib.Path(directory)
        file = directory / "file"
        write_random(file, arguments.size * MIB)
        with Server(programs["draftstore-server"], directory / "data") as server:
            measure(server, Clients(programs["draftctl"], directory, server), file, arguments)


def parse():
    parser = options(__doc__, programs=("draftstore-server", "draftctl"))
    parser.add_argument("--size", type=int, default=1024, help="of the file, in MiB (1024)")
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be given several times (rclone)")
    parser.add_argument("--directory", help="where file and store are (the system's temporary directory)")
    arguments = parser.parse_args()
    arguments.peer = arguments.peer or ["rclone"]
    return arguments


def write_random(path, size):
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))
        file.flush()
        os.fsync(file.fileno())


def bytes_below(directory):
    """Returns the approximate number of bytes on disk, because files are created and deleted meanwhile."""
    size = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


class Clients:
    def __init__(self, draftctl, directory, server):
        self.draftctl, self.endpoint = draftctl, server.store
        keys = server.credentials()
        # The secret is passed in the environment, because other users can read command lines.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "DRAFTSTORE_SERVER": f"http://{server.said['grpc']}",
            "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "Other",
            "RCLONE_CONFIG_STORE_ENDPOINT": server.store,
            "RCLONE_CONFIG_STORE_REGION": keys["AWS_REGION"],
            "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": keys["AWS_ACCESS_KEY_ID"],
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": keys["AWS_SECRET_ACCESS_KEY"],
            "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET": "true",
            **keys,
        }

    def upload(self, client, file, name):
        """Uploads the file as a draft and returns the seconds that this took."""
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


def measure(server, sender, file, arguments):
    size = file.stat().st_size

    def upload(client):
        seconds = sender.upload(client, file, client)
        sender.check_and_discard(client, size)
        # Deleted objects are removed from disk shortly after their removal from the index.
        while bytes_below(server.data) > size / 10:
            time.sleep(0.05)
        return seconds

    clients = ["draftctl", *arguments.peer]
    figures = alternate(arguments.pairs, {client: functools.partial(upload, client) for client in clients})
    report = Report("upload")
    report.compare(f"Sending {arguments.size} MiB to the embedded store", figures, "draftctl", "s")
    report.write(arguments.json)


if __name__ == "__main__":
    main()
