#!/usr/bin/env python3
"""Counts the instructions of a presigned URL, and of a whole request for one. Fails if signing takes over 10 % more than the
recorded count. Counts do not depend on the load of the machine.

    python3 benches/instructions.py            compares with the recorded counts
    python3 benches/instructions.py --record   records the counts

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
CALLS = {"presign": (200, 1200), "request": (100, 400)}

# Functions that are chosen by the processor, or whose cost depends on it.
HASHING = re.compile(r"sha2::.*compress|sha256.*compress")
OLD_PROCESSOR = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-BMI2,-EVEX"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help=f"write the figures to {RECORD.name}")
    parser.add_argument("--program", metavar="PATH", help="the example `instructions` (is built)")
    arguments = parser.parse_args()
    need({"valgrind": "apt-get install valgrind"})
    program = arguments.program or build()
    counted = {what: per_call(program, what, *calls) for what, calls in CALLS.items()}
    for what, count in counted.items():
        print(f"{what}: {count['own']} instructions, and {count['sha256']} of SHA-256's compression")
    if arguments.record:
        RECORD.write_text(json.dumps({"presign": counted["presign"]}, indent=1) + "\n")
        return
    recorded = json.loads(RECORD.read_text())["presign"]
    grown = [name for name, count in counted["presign"].items() if count > recorded[name] * MOST]
    for name, count in recorded.items():
        print(f"presign, {name}: {counted['presign'][name] / count:.3f} of the {count} that are recorded")
    if grown:
        sys.exit(f"signing takes over {MOST:.2f} times the instructions recorded in {RECORD.name}: {', '.join(grown)}")


def build():
    """Builds the example and returns its path."""
    command = ["cargo", "build", "--release", "--locked", "-p", "draftstore-benches", "--features", "programs"]
    command += ["--example", "instructions"]
    told = subprocess.run([*command, "--message-format=json"], cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout
    for line in told.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "instructions":
            return message["executable"]
    sys.exit("cargo did not say where it put the example")


def per_call(program, what, few, many):
    """Returns the instructions of one call: its own, and those of hashing."""
    short, long = (count(program, what, calls) for calls in (few, many))
    return {name: round((long[name] - short[name]) / (many - few)) for name in ("own", "sha256")}


def count(program, what, calls):
    with tempfile.TemporaryDirectory() as directory:
        output = pathlib.Path(directory) / "callgrind"
        command = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}", program, what, str(calls)]
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
