"""ceph/s3-tests on the embedded store: python run.py S3_TESTS BINARIES [--write] [PYTEST'S OPTIONS…]

Compares what passes with expected.txt: a test that no longer passes fails the step, and so does one that passes now.
--write keeps the reasons and writes the list anew."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIST = HERE / "expected.txt"
FILES = ["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"]
SECONDS_PER_TEST = "120"
HEAD = """\
# The tests of ceph/s3-tests that are chosen (chosen.py), and whether they pass on the embedded store. `bash .ci/run s3-tests` runs
# them and compares. A line of a test that does not pass has the reason.
"""


def settings(endpoint, credentials):
    host, port = re.fullmatch(r"http://(.+):(\d+)", endpoint).groups()
    keys = f"access_key = {credentials['access_key_id']}\nsecret_key = {credentials['secret_access_key']}\n"
    who = "display_name = draftstore\nuser_id = draftstore\nemail = draftstore@example.com\n"
    text = f"[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\nssl_verify = False\n"
    text += "[fixtures]\nbucket prefix = s3t-{random}-\n"
    # The store has one account. The suite wants to read the others, and the tests that use them are not chosen.
    for section in ["s3 main", "s3 alt", "s3 tenant", "iam", "iam root", "iam alt root"]:
        text += f"[{section}]\n{keys}{who}tenant = testx\nstorage_classes = STANDARD_IA, GLACIER\n"
    return text


def run(suite, binaries, options):
    with tempfile.TemporaryDirectory(prefix="draftstore-s3-tests-") as made:
        directory = Path(made)
        store = subprocess.Popen([binaries / "examples/serve", directory / "data", "0"], stdout=subprocess.PIPE, text=True)
        try:
            endpoint = store.stdout.readline().strip()
            credentials = json.loads((directory / "data/credentials.json").read_text())
            (directory / "s3tests.conf").write_text(settings(endpoint, credentials))
            outcomes = directory / "outcomes"
            environment = os.environ | {
                "S3TEST_CONF": str(directory / "s3tests.conf"),
                "S3_TESTS_OUTCOMES": str(outcomes),
                "PYTHONPATH": str(HERE),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            pytest = [sys.executable, "-m", "pytest", "-q", "-p", "chosen", "-p", "no:cacheprovider", f"--timeout={SECONDS_PER_TEST}"]
            subprocess.run([*pytest, "--tb=line", *FILES, *options], cwd=suite, env=environment, check=False)
            lines = [json.loads(line) for line in outcomes.read_text().splitlines()]
        finally:
            store.terminate()
            store.wait()
    found = {}
    for line in lines:
        # A test may report twice, as a call and as a teardown. One failure counts.
        passed = line["outcome"] == "passed" and found.get(line["name"], (True, ""))[0]
        found[line["name"]] = (passed, line["group"])
    return found


def expected():
    """Each test with the reason why it does not pass, or an empty one."""
    lines = [line for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    return {name.removeprefix("- ").strip(): reason.strip() for name, _, reason in (line.partition(": ") for line in lines)}


def write(found):
    reasons = expected() if LIST.exists() else {}
    lines = []
    for name, (passed, _) in sorted(found.items()):
        lines.append(name if passed else f"- {name}: {reasons.get(name) or 'TO BE EXPLAINED'}")
    LIST.write_text(HEAD + "\n".join(lines) + "\n")


def main(suite, binaries, options):
    found = run(suite, binaries, [option for option in options if option != "--write"])
    chosen, passed = Counter(), Counter()
    for ok, group in found.values():
        chosen[group] += 1
        passed[group] += ok
    for group in sorted(chosen):
        print(f"{group}: {passed[group]} of {chosen[group]} pass")
    if "--write" in options:
        write(found)
        return
    wanted = expected()
    lost = [name for name, (ok, _) in found.items() if not ok and not wanted.get(name)]
    won = [name for name, (ok, _) in found.items() if ok and wanted.get(name)]
    unknown = sorted(set(found) ^ set(wanted))
    for what, names in [("no longer pass", lost), ("pass now", won), ("are not in the list, or not in the suite", unknown)]:
        if names:
            print(f"These {what}:", *sorted(names), sep="\n  ")
    assert not (lost or won or unknown), "the list differs: correct expected.txt, or the store"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
