#!/usr/bin/env python3
"""Kills a large upload halfway, repeats the command, and checks what is sent twice and what arrives.

draftctl uploads a file of random bytes to a server on the embedded store, and gets SIGKILL when half of it has arrived. The
same command then resumes and confirms the upload. The object is downloaded and compared by SHA-256. The kernel counts the
bytes over loopback in each run, so that nothing else may use loopback meanwhile:

    unshare --net --map-root-user bash -c 'ip link set lo up && python3 benches/resume.py --size 5120'

Needs three times the file's size of disk space.
"""

import hashlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from harness import Server, built, options
from upload import MIB, Clients, bytes_below, write_random


def main():
    parser = options(__doc__, programs=("draftstore-server", "draftctl"), measures=False)
    parser.add_argument("--size", type=int, default=5120, help="of the file, in MiB (5120)")
    parser.add_argument("--directory", help="where file and store are (the system's temporary directory)")
    arguments = parser.parse_args()
    programs = built(arguments, "draftstore-server", "draftctl")
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        directory = pathlib.Path(directory)
        file = directory / "file"
        write_random(file, arguments.size * MIB)
        with Server(programs["draftstore-server"], directory / "data") as server:
            prove(server, Clients(programs["draftctl"], directory, server), file, directory)


def prove(server, clients, file, directory):
    size = file.stat().st_size
    command = [clients.draftctl, "upload", "--confirm", "--json", file]
    before = over_loopback()
    first = subprocess.Popen(command, env=clients.environment)
    while bytes_below(server.data) < size / 2:
        if first.poll() is not None:
            sys.exit("the upload ended before it could be killed")
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = over_loopback()
    uploaded = json.loads(clients.run(command))
    resumed = over_loopback()

    copy = directory / "copy"
    clients.run([clients.draftctl, "download", "--stage", "main", "--json", "-o", copy, "file"])
    sums = [sha256(path) for path in (file, copy)]
    print(f"file: {size} bytes, SHA-256 {sums[0]}")
    print(f"first run, killed: {killed - before} bytes over loopback")
    print(f"second run: {uploaded['resumed']} bytes had arrived, {uploaded['sent']} sent;")
    print(f"            {resumed - killed} bytes over loopback, everything included")
    print(f"confirmed as {uploaded['confirmed']['final_location']}: SHA-256 {sums[1]}")
    if sums[0] != sums[1]:
        sys.exit("the object differs from the file")
    if int(uploaded["resumed"]) + int(uploaded["sent"]) != size:
        sys.exit("something was sent again that had arrived")


def over_loopback():
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == "lo":
            return int(figures.split()[0])
    sys.exit("there is no loopback interface")


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
