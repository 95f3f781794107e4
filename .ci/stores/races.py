"""Two confirms under one name, by two servers over two gateways of SeaweedFS: python races.py BINARIES WEED RACES

One of the two succeeds, the other is told that the name is taken, and main holds what the first confirmed."""

import contextlib
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stores  # noqa: F401  (finds the modules beside it)
from check import Calls, readiness
from programs import server
from seaweedfs import seaweedfs
from truth import client

# Losers of a race wait a second or two in the store, so that many races run at once.
AT_ONCE = 48


def main(binaries: Path, weed: Path, races: int) -> int:
    program = binaries / "draftstore-server"
    with tempfile.TemporaryDirectory(prefix="races-") as directory, contextlib.ExitStack() as stack:
        directory = Path(directory)
        keys = directory / "ticket-keys"
        keys.write_bytes(subprocess.run([program, "key", "ticket"], capture_output=True, check=True, timeout=60).stdout)
        calls = []
        for number, variables in enumerate(stack.enter_context(seaweedfs(weed, directory, gateways=2))):
            variables = {**variables, "BUCKET_NAME": "files", "TICKET_KEYS_FILE": str(keys), "MAX_CONCURRENT_REQUESTS": "1000"}
            home = directory / f"server-{number}"
            home.mkdir()
            running = stack.enter_context(server(program, home, variables))
            calls.append(Calls(running.http, client(variables)))
            assert calls[-1].call("draft-bucket")[0] == 200
            assert readiness(running.http)["ready"]
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(2 * AT_ONCE) as confirms:
            outcomes = list(pool.map(lambda number: race(calls, confirms, number), range(races)))
        found = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
        print(f"{races} races in {time.monotonic() - began:.0f} s: {found}")
        return 0 if set(found) == {"one winner"} else 1


def race(calls: list[Calls], confirms: ThreadPoolExecutor, number: int) -> str:
    name, bodies = f"name-{number}", (b"one", b"two")
    drafts = [one.draft("file.bin", body, unique=True)[1] for one, body in zip(calls, bodies, strict=True)]
    running = [
        confirms.submit(one.call, "confirm-upload", **draft, destination_name=name)
        for one, draft in zip(calls, drafts, strict=True)
    ]
    answers = [confirm.result() for confirm in running]
    winners = [body for body, (status, _) in zip(bodies, answers, strict=True) if status == 200]
    losers = [answer.get("code") for status, answer in answers if status != 200]
    if len(winners) != 1 or losers != ["OBJECT_ALREADY_EXISTS"]:
        return f"{len(winners)} winners, {losers}"
    return "one winner" if calls[0].main(name) == winners[0] else "another's bytes"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), int(sys.argv[3])))
