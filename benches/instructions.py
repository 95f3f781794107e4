#!/usr/bin/env python3
"""Counts the instructions of a presigned URL, and of a whole request for one by REST and by gRPC. Fails if a count is over 10 %
more than the recorded one. Counts do not depend on the load of the machine.

    python3 benches/instructions.py              compares with the recorded counts
    python3 benches/instructions.py --record     records the counts
    python3 benches/instructions.py --release    counts requests in the release profile

Signing is counted in the release profile: its crate has few dependencies. Requests are counted in the profile of
`cargo test --workspace`, because a release build of everything that they need takes minutes. Those counts are no measure of
speed, but they grow when a request does more.

callgrind counts a long and a short run, and the difference excludes the start. valgrind emulates a processor without SHA
extensions, but with or without AVX like the real one. To be independent of the processor, the compression function of SHA-256
is counted separately, where every block costs the same, and the C library is told to copy memory as on the oldest processor.
Needs Rust and valgrind.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import need

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
RECORD = pathlib.Path(__file__).with_suffix(".json")

# A larger ratio to the recorded count fails.
MOST = 1.10

# The calls of the short and of the long run.
PRESIGN = (200, 1200)
REQUEST = (100, 400)

# Functions that are chosen by the processor, or whose cost depends on it.
HASHING = re.compile(r"sha2::.*compress|sha256.*compress")
OLD_PROCESSOR = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-BMI2,-EVEX"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help=f"write the figures to {RECORD.name}")
    parser.add_argument("--release", action="store_true", help="count requests in the release profile")
    arguments = parser.parse_args()
    need({"valgrind": "apt-get install valgrind"})
    sign = build("sign", "--release", "--package", "draftstore-sigv4")
    profile = "release" if arguments.release else "dev"
    request = build("instructions", "--profile", profile, "--workspace", "--features", "draftstore-benches/programs")
    counted = {"presign, release": per_call([sign], *PRESIGN)}
    counted |= {f"{front}, {profile}": per_call([request, front], *REQUEST) for front in ("rest", "grpc")}
    recorded = json.loads(RECORD.read_text())
    if arguments.record:
        recorded |= counted
        RECORD.write_text(json.dumps(recorded, indent=1) + "\n")
    grown = []
    for what, counts in counted.items():
        for kind, count in counts.items():
            before = recorded[what][kind]
            print(f"{what}, {kind}: {count} instructions, {count / before:.3f} of the {before} that are recorded")
            if count > before * MOST:
                grown.append(f"{what}, {kind}")
    if grown:
        sys.exit(f"over {MOST:.2f} times the instructions recorded in {RECORD.name}: {'; '.join(grown)}")


def build(example, *options):
    """Builds an example and returns its path."""
    command = ["cargo", "build", "--locked", *options, "--example", example, "--message-format=json"]
    told = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    for line in told.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == example:
            return message["executable"]
    sys.exit(f"cargo did not say where it put {example}")


def per_call(command, few, many):
    """Returns the instructions of one call: its own, and those of hashing."""
    short, long = (count([*command, str(calls)]) for calls in (few, many))
    return {name: round((long[name] - short[name]) / (many - few)) for name in ("own", "sha256")}


def count(program):
    with tempfile.TemporaryDirectory() as directory:
        output = pathlib.Path(directory) / "callgrind"
        command = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}", *program]
        environment = {"PATH": os.environ["PATH"], "GLIBC_TUNABLES": OLD_PROCESSOR}
        subprocess.run(command, env=environment, check=True)
        by_function = own_cost(output.read_text().splitlines())
    hashing = sum(cost for name, cost in by_function.items() if HASHING.search(name))
    if not hashing:
        sys.exit("no function of SHA-256 was found: it has another name now")
    return {"own": sum(by_function.values()) - hashing, "sha256": hashing}


def own_cost(lines):
    """Returns the instructions that each function executed itself.

    The format: <https://valgrind.org/docs/manual/cl-format.html>
    """
    names, cost, function, called = {}, collections.Counter(), None, False
    for line in lines:
        if line.startswith(("fn=", "cfn=")):
            number, _, name = line.partition("=")[2].partition(" ")
            if name:
                names[number] = name
            if line.startswith("fn="):
                function = names[number]
        elif line.startswith("calls="):
            # The next line has the inclusive cost of the called function.
            called = True
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if not called:
                cost[function] += int(line.split()[1])
            called = False
    return cost


if __name__ == "__main__":
    main()
