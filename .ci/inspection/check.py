"""Compares what the checks find in other people's files with `file --mime-type`, and has them reject lies.

usage: check.py PROGRAM, the example `inspect` of lib/inspection
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from files import make
from lies import lies

# Types that have another name by `file`, and why.
OTHER_NAMES = {
    ("application/java-archive", "application/zip"): "`file` looks for an extra field that Python does not write",
    ("application/rtf", "text/rtf"): "an alias",
    ("application/x-executable", "application/x-pie-executable"): "a kind of program",
    ("application/xhtml+xml", "text/xml"): "a document of LibreOffice with the namespace of XHTML, whose elements a browser runs",
    ("application/xml", "text/xml"): "the name by RFC 7303",
    ("application/yaml", "text/plain"): "bytes do not tell, so the declared type counts",
    ("audio/aac", "audio/x-hx-aac-adts"): "the registered name",
    ("audio/mp4", "audio/x-m4a"): "the registered name",
    ("audio/vnd.wave", "audio/x-wav"): "the registered name",
    ("text/markdown", "text/html"): "a page within a text, which no browser runs under this type",
    ("video/x-ms-wmv", "video/x-ms-asf"): "the container holds a video",
}

# The files to make of each by damage.
DAMAGED = 4
# The reads and the bytes that a type may take.
MAX_READS = 2
MAX_BYTES = 128 * 1024
# The reads and the memory that listing a zip archive of 50 GB with a hundred thousand entries may take.
MAX_LISTING_READS = 4
ENTRIES = 100_000


def inspect(program, inputs):
    lines = "".join(json.dumps(line) + "\n" for line in inputs)
    done = subprocess.run([program], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_files(program, home):
    """The types of files that are what they say."""
    made = [(str(path), declared) for path, declared in make(home)]
    settings = {"type": {}, "archive": {}}
    found = inspect(program, [{"path": path, "declared": declared, "settings": settings} for path, declared in made])
    told = subprocess.run(["file", "--brief", "--mime-type", *(path for path, _ in made)], capture_output=True, text=True, check=True)
    wrong, kinds, differences = [], set(), set()
    for (path, declared), ours, theirs in zip(made, found, told.stdout.splitlines(), strict=True):
        name, media_type = Path(path).name, ours["media_type"]
        kinds.add(media_type)
        unsupported = {"ARCHIVE_UNSUPPORTED", "NESTED_UNREADABLE"}
        reasons = [reason for reason in ours["reasons"] if reason["code"] not in unsupported]
        if reasons:
            wrong.append(f"{name}: rejected: {reasons}")
        if media_type != theirs:
            differences.add((media_type, theirs))
            if (media_type, theirs) not in OTHER_NAMES:
                wrong.append(f"{name}: {media_type}, and by file {theirs}")
    wrong += [f"{pair} is listed, and no file has it" for pair in OTHER_NAMES.keys() - differences]
    typed = inspect(program, [{"path": path, "declared": declared, "settings": {"type": {}}} for path, declared in made])
    for ours in typed:
        if ours["reads"] > MAX_READS or ours["bytes"] > MAX_BYTES:
            wrong.append(f"{Path(ours['path']).name}: {ours['reads']} reads of {ours['bytes']} bytes")
    print(f"{len(made)} files of {len(kinds)} types")
    return wrong


def check_images(program, home):
    """Images that are what they say, measured."""
    suffixes = {".png", ".jpg", ".gif", ".webp", ".bmp", ".tiff", ".ico", ".ppm", ".avif", ".psd"}
    paths = sorted(str(path) for path in home.iterdir() if path.suffix in suffixes)
    found = inspect(program, [{"path": path, "settings": {"image": {}}} for path in paths])
    print(f"{len(paths)} images")
    return [f"{ours['path']}: rejected: {ours['reasons']}" for ours in found if ours["reasons"]]


def check_lies(program, home):
    """Files that must be rejected, each with the reason."""
    home.mkdir()
    cases, inputs = [], []
    for name, data, case in lies():
        path = home / name
        path.write_bytes(data)
        code = case.pop("code", None)
        cases.append((name, code))
        inputs.append({"path": str(path), **case})
    wrong = []
    for (name, code), ours in zip(cases, inspect(program, inputs), strict=True):
        codes = [reason["code"] for reason in ours["reasons"]]
        if not codes or (code and code not in codes):
            wrong.append(f"{name}: expected {code or 'a reason'}, and found {ours['media_type']} {codes}")
    print(f"{len(cases)} lies")
    return wrong


def check_damage(program, home):
    """The same files, each cut and changed at random: no inspection fails."""
    chosen = random.Random(1)
    paths = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    damaged = home / "damaged"
    damaged.mkdir()
    inputs = []
    for path in sorted(paths):
        data = path.read_bytes()
        for number in range(DAMAGED):
            changed = bytearray(data[: chosen.randint(0, len(data))] if number % 2 else data)
            for _ in range(chosen.randint(1, 8) if changed else 0):
                # What readers trust is at both ends.
                near = chosen.choice([min(100, len(changed)), len(changed)])
                place = chosen.randrange(near)
                changed[chosen.choice([place, len(changed) - 1 - place])] = chosen.choice([0, 1, 0x7F, 0x80, 0xFF, chosen.randrange(256)])
            out = damaged / f"{len(inputs)}"
            out.write_bytes(changed)
            inputs.append({"path": str(out), "settings": {"type": {}, "image": {}, "archive": {}}})
    print(f"{len(inspect(program, inputs))} damaged files")
    return []


def check_listing(program, home):
    """A sparse archive of 50 GB."""
    path, size = home / "sparse.zip", 50 << 30
    packed = size // ENTRIES
    directory = bytearray()
    with path.open("wb") as out:
        for number in range(ENTRIES):
            name = f"directory/file-{number:06}.bin".encode()
            offset = number * packed
            length = packed - 30 - len(name)
            fields = struct.pack("<Q", offset) if offset >= 0xFFFFFFFF else b""
            extra = struct.pack("<HH", 1, len(fields)) + fields if fields else b""
            place = min(offset, 0xFFFFFFFF)
            out.seek(offset)
            out.write(struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0, 0, 0, 0, 0, length, length, len(name), 0) + name)
            directory += struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, length, length, len(name), len(extra), 0, 0, 0, 0, place)
            directory += name + extra
        start = ENTRIES * packed
        out.seek(start)
        out.write(directory)
        end = start + len(directory)
        out.write(struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, ENTRIES, ENTRIES, len(directory), start))
        out.write(struct.pack("<4sIQI", b"PK\6\7", 0, end, 1))
        out.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    bounds = {"max_entries": ENTRIES, "max_unpacked_bytes": 1 << 40}
    line = {"path": str(path), "settings": {"type": {}, "archive": bounds}}
    (ours,) = inspect(program, [line])
    print(f"{path.stat().st_size >> 30} GB with {ENTRIES} entries: {ours['reads']} reads of {ours['bytes']} bytes")
    wrong = [f"sparse.zip: rejected: {ours['reasons']}"] if ours["reasons"] else []
    if ours["reads"] > MAX_LISTING_READS or ours["bytes"] > 16 << 20:
        wrong.append(f"sparse.zip: {ours['reads']} reads of {ours['bytes']} bytes")
    path.unlink()
    return wrong


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        wrong = check_files(program, home)
        wrong += check_images(program, home)
        wrong += check_lies(program, home / "lies")
        wrong += check_damage(program, home)
        wrong += check_listing(program, home)
    if wrong:
        sys.exit("\n".join(wrong))


main()
