"""What doctor and readiness say of a store, held against what happens: python check.py BINARIES [STORE…]

Each store is started empty. Doctor's words are compared with those of a client of its own (truth.py), and confirms are made by a
server: plain ones, of drafts in parts, of names with a percent sign, and pinned to a version that is replaced meanwhile. It
fails where doctor calls something honoured that is not, and where a confirm that succeeded kept other bytes."""

import contextlib
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

import stores
import truth
from programs import environment, server

CONDITIONS = (
    truth.PUT,
    truth.COPY_SOURCE,
    truth.COPY_ABSENT,
    truth.COPY_OVER,
    truth.PART_SOURCE,
    truth.COMPLETE_ABSENT,
    truth.COMPLETE_OVER,
    truth.DELETE,
    truth.DELETE_MANY,
    truth.PART_KEY,
    truth.MD5,
    truth.LIST_PARTS,
)
PINNED = 60
# The confirms of a race that run at once.
AT_ONCE = 8
NAMED = 20
READY_SECONDS = 60


def main(binaries: Path, names: list[str]) -> int:
    columns, problems = {}, []
    for name in names or stores.NAMES:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stores-") as directory, stores.started(name, binaries, Path(directory)) as [variables]:
            columns[name] = column(binaries, Path(directory), variables)
        problems += [f"{name}: {problem}" for problem in judged(columns[name])]
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    print_table(columns)
    for problem in problems:
        print(f"PROBLEM  {problem}")
    return 1 if problems else 0


def column(binaries: Path, directory: Path, variables: dict[str, str]) -> dict:
    variables = {**variables, "BUCKET_NAME": "files"}
    doctor = doctors(binaries, directory, variables)
    s3 = truth.client(variables)
    s3.create_bucket(Bucket="truth")
    found = {"doctor": doctor, "truth": truth.Truth(s3, "truth").words()}
    home = directory / "server"
    home.mkdir()
    with server(binaries / "draftstore-server", home, variables) as running:
        found |= readiness(running.http)
        calls = Calls(running.http, s3)
        found["plain"] = calls.plain()
        found["parts"] = calls.in_parts()
        found["percent"] = calls.percent()
        found["pinned"] = calls.pinned()
        found["named"] = calls.named()
    return found


def doctors(binaries: Path, directory: Path, variables: dict[str, str]) -> dict[str, str]:
    """The first word of each line on a condition."""
    done = subprocess.run(
        [binaries / "draftstore-server", "doctor", "--fix"], cwd=directory, env=environment(directory, **variables),
        capture_output=True, text=True, timeout=300,
    )
    words = {}
    for line in done.stdout.splitlines():
        for condition in CONDITIONS:
            if line[11:].startswith(f"{condition} "):
                words[condition] = line[11 + len(condition) :].strip().split(":")[0].split(",")[0]
    # Without a probe it says nothing of conditions, and the server relies on none.
    return words or dict.fromkeys(CONDITIONS, "probe failed")


def readiness(http: str) -> dict:
    """Waits until the store is known. A server that cannot confirm says so instead of becoming ready."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(requests.RequestException):
            ready = requests.get(f"{http}/health/ready", timeout=5).json()
            if ready.get("store") in ("probed", "cannot confirm", "not probed") or time.monotonic() > deadline:
                weakened = [row["condition"] for row in ready.get("weakened", [])]
                return {"ready": ready.get("status") == "ready", "store": ready.get("store"), "weakened": weakened}
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.1)


class Calls:
    """Uploads and confirms by a server, and a look at what main holds."""

    def __init__(self, http: str, s3):
        self.http = http
        self.s3 = s3
        self.confirm_seconds = 0.0
        self.session = requests.Session()
        self.session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))

    def call(self, path: str, **message) -> tuple[int, dict]:
        answer = self.session.post(f"{self.http}/api/v1/{path}", json=message, timeout=120)
        return answer.status_code, answer.json()

    def draft(self, name: str, body: bytes, **options) -> tuple[str, dict]:
        """Uploads a draft. Returns its ETag, and the fields that name it in a confirm."""
        status, issued = self.call("upload-url", object_name=name, **options)
        if status != 200:
            return "", issued
        answer = self.session.request(issued["method"], issued["upload_url"], data=body, headers=issued.get("headers", {}), timeout=60)
        assert answer.status_code == 200, answer.text
        named = {"draft_id": issued["draft_id"]} if options.get("unique") else {}
        return answer.headers["ETag"].strip('"'), {"object_name": name, **named}

    def main(self, name: str) -> bytes | None:
        try:
            return self.s3.get_object(Bucket="files", Key=name)["Body"].read()
        except self.s3.exceptions.ClientError:
            return None

    def outcome(self, name: str, body: bytes, confirmed: tuple[int, dict]) -> str:
        status, answer = confirmed
        held = self.main(name)
        if status == 200:
            return "kept" if held == body else "SWAPPED"
        return f"{status} {answer.get('code')}" if held is None else f"{status} {answer.get('code')}, and main holds something"

    def plain(self) -> str:
        _, named = self.draft("plain.bin", b"plain")
        began = time.monotonic()
        confirmed = self.call("confirm-upload", **named)
        self.confirm_seconds = time.monotonic() - began
        return self.outcome("plain.bin", b"plain", confirmed)

    def in_parts(self) -> str:
        bodies = [b"1" * (5 << 20), b"end"]
        status, begun = self.call("multipart/create", object_name="parts.bin")
        if status != 200:
            return f"{status} {begun.get('code')}"
        upload = {"object_name": "parts.bin", "upload_id": begun["upload_id"]}
        status, signed = self.call("multipart/sign-parts", **upload, parts=[{"part_number": n} for n in (1, 2)])
        for part, body in zip(signed["parts"], bodies, strict=True):
            sent = self.session.put(part["upload_url"], data=body, headers=part.get("headers", {}), timeout=60)
            assert sent.status_code == 200, sent.text
        status, completed = self.call("multipart/complete", **upload)
        if status != 200:
            return f"{status} {completed.get('code')} when completed"
        return self.outcome("parts.bin", b"".join(bodies), self.call("confirm-upload", object_name="parts.bin"))

    def percent(self) -> str:
        self.draft("a b", b"twin!")
        etag, named = self.draft("a%20b", b"named")
        if not etag:
            return f"400 {named.get('code')}, with the rule"
        return self.outcome("a%20b", b"named", self.call("confirm-upload", **named))

    def pinned(self) -> dict[str, int]:
        """Confirms that are pinned to a version, while another takes its place."""

        def race(number: int) -> str:
            name, (before, now) = f"pinned-{number}", (b"before", b"now...")
            etag, _ = self.draft(name, before)
            _, again = self.call("upload-url", object_name=name)

            def replace():
                # Before the confirm, between its calls, or after it.
                time.sleep(random.uniform(0, self.confirm_seconds * AT_ONCE / 2))
                request = self.session.request
                request(again["method"], again["upload_url"], data=now, headers=again.get("headers", {}), timeout=60)

            with ThreadPoolExecutor(2) as pool:
                replaced = pool.submit(replace)
                confirmed = pool.submit(self.call, "confirm-upload", object_name=name, if_match=etag).result()
                replaced.result()
            outcome = self.outcome(name, before, confirmed)
            return outcome if outcome in ("kept", "SWAPPED") or "holds" in outcome else "refused"

        return counted(race, PINNED)

    def named(self) -> dict[str, int]:
        """Two drafts that are confirmed under one name at once, by one server."""

        def race(number: int) -> str:
            name, bodies = f"named-{number}", (b"one", b"two")
            drafts = [self.draft("file.bin", body, unique=True)[1] for body in bodies]
            with ThreadPoolExecutor(2) as pool:
                confirms = [pool.submit(self.call, "confirm-upload", **draft, destination_name=name) for draft in drafts]
                winners = [body for body, confirm in zip(bodies, confirms, strict=True) if confirm.result()[0] == 200]
            if len(winners) > 1:
                return "TWO WINNERS"
            if not winners:
                return "refused"
            return "one winner" if self.main(name) == winners[0] else "SWAPPED"

        return counted(race, NAMED)


def counted(race, races: int) -> dict[str, int]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(race, range(races)))
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def judged(column: dict) -> list[str]:
    problems = []
    for condition in CONDITIONS:
        says, is_so = column["doctor"].get(condition), column["truth"][condition]
        # A race that one of the two did not win is no contradiction, as long as doctor is the more careful.
        is_careful = (says, is_so) in (("not atomic", "honoured"), ("ignored", "does not work"), ("does not work", "ignored"), ("does not work", "honoured"))
        if says not in (is_so, "probe failed") and not is_careful:
            problems.append(f"doctor says that {condition} is {says}, and it is {is_so}")
    if column["ready"]:
        # Parts that cannot be listed are said to be so, and cannot be completed.
        works = column["doctor"].get(truth.LIST_PARTS) == "honoured"
        for what in ("plain", "parts") if works else ("plain",):
            if column[what] != "kept":
                problems.append(f"ready, and a confirm ({what}) ends in {column[what]}")
    for what in ("plain", "parts", "percent", "pinned", "named"):
        if "SWAPPED" in str(column[what]) or "TWO" in str(column[what]) or "holds" in str(column[what]):
            problems.append(f"{what}: {column[what]}")
    return problems


def print_table(columns: dict[str, dict]) -> None:
    def row(title: str, cell) -> None:
        print("| " + " | ".join([title, *(cell(column) for column in columns.values())]) + " |")

    def words(condition: str):
        def cell(column: dict) -> str:
            says, is_so = column["doctor"].get(condition, "-"), column["truth"][condition]
            return says if says == is_so else f"{says} / {is_so}"

        return cell

    def counts(what: str):
        return lambda column: ", ".join(f"{count} {outcome}" for outcome, count in column[what].items())

    print()
    row("", lambda column: next(name for name, other in columns.items() if other is column))
    print("|" + "---|" * (len(columns) + 1))
    for condition in CONDITIONS:
        row(condition, words(condition))
    row("readiness", lambda column: f"{'ready' if column['ready'] else 'not ready'}, {column['store']}, {len(column['weakened'])} weakened")
    for what, title in (("plain", "a confirm"), ("parts", "of a draft in parts"), ("percent", "of `a%20b` beside `a b`")):
        row(title, lambda column, what=what: column[what])
    row(f"{PINNED} confirms pinned to a version that is replaced", counts("pinned"))
    row(f"{NAMED} names with two confirms at once", counts("named"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
