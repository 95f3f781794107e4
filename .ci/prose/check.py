"""Checks the mechanical rules for prose in Rust sources and commit subjects.

    check.py          print the counts of every crate, and fail on a finding in a path of clean.txt or in a commit subject
    check.py PATH…    print every finding in these files and directories, and fail if there is one

The rules:

    opener    a doc comment must begin with a noun phrase or a third-person verb, not with one of OPENERS
    short     a doc comment on a public item must have at least 4 words
    log-long  a log message must have at most 8 words
    log-case  a log message must begin with a lower-case letter
    commit    a commit subject must be `area: imperative summary`, at most 72 characters
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).resolve().parents[2]
CLEAN = Path(__file__).with_name("clean.txt")

OPENERS = ["what", "whether", "the same", "of", "those", "with", "and", "or", "nobody", "whoever", "somebody", "it", "they"]
MIN_DOC_WORDS = 4
MAX_LOG_WORDS = 8
MAX_SUBJECT = 72
# Subjects up to this commit are not checked.
FIRST_COMMIT = "fdf2f0c"

OPENER = re.compile(rf"(?:{'|'.join(OPENERS)})\b", re.IGNORECASE)
# Comments, strings and characters: everything in which a brace or a comma is not Rust.
TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<string>[bc]?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*")
    |b?'(?:\\[^\n]+?|[^\\'\n])'""",
    re.DOTALL | re.VERBOSE,
)
DOC = re.compile(r"(?P<marker>///(?!/)|//!)(?P<text>.*)")
LOG = re.compile(r"(?<![\w:])(?:tracing::)?(?:error|warn|info|debug|trace|event)!\s*\(")
SCOPE = re.compile(r"\bpub\s+(?:unsafe\s+)?(?:enum|trait)\b")
# Third person, past and progressive; the exceptions are imperatives that end like one of these.
NOT_IMPERATIVE = re.compile(r"(?:a|an|the|what|whether|there|.*(?<!s)s|.*ed|.*ing)", re.IGNORECASE)
IMPERATIVE = {"bring", "embed", "feed", "focus", "need", "seed", "shed", "speed", "spring", "string"}
SUBJECT = re.compile(r"[\w./-]+(?:(?:, | )[\w./-]+){0,2}: (?P<verb>[\w-]+) \S.*")


class Finding(NamedTuple):
    file: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.rule}: {self.text}"


class Doc(NamedTuple):
    """A block of doc comments, with the offset at which it ends."""

    line: int
    text: str
    inner: bool
    end: int


def main(paths):
    if paths:
        findings = [finding for file in sources(paths) for finding in check_file(file)]
        print_all(findings)
        return bool(findings)
    findings = [finding for file in sources([]) for finding in check_file(file)]
    clean = [line for line in CLEAN.read_text().split("\n") if line]
    held = [finding for finding in findings if any(is_below(finding.file, path) for path in clean)]
    commits = [finding for subject in subjects() for finding in check_subject(*subject)]
    print_table(findings)
    print_all(held + commits)
    return bool(held + commits)


def sources(paths):
    """The tracked Rust files below these paths; all of them if there are none."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *(str(Path(path).resolve()) for path in paths)],
        cwd=REPO, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout
    return [name for name in listed.split("\0") if name.endswith(".rs") and (REPO / name).exists()]


def subjects():
    """The hash and the subject of each commit since FIRST_COMMIT."""
    log = subprocess.run(
        ["git", "log", "--no-merges", "--format=%h %s", f"{FIRST_COMMIT}..HEAD"],
        cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    if log.returncode:
        sys.exit(f"commit {FIRST_COMMIT} is not in this clone: fetch the whole history\n{log.stderr}")
    return [line.split(" ", 1) for line in log.stdout.splitlines()]


def check_file(name):
    return check_source(name, (REPO / name).read_text())


def check_source(name, source):
    code = without_text(source)
    return sorted([*check_docs(name, source, code), *check_logs(name, source, code)])


def without_text(source):
    """The source with comments, strings and characters blanked out; a string keeps its quotes, and every offset stays."""

    def blank(match):
        token = match[0]
        spaces = re.sub(r"[^\n]", " ", token)
        return f'"{spaces[1:-1]}"' if match["string"] else spaces

    return TOKEN.sub(blank, source)


def check_docs(name, source, code):
    scopes = public_scopes(code)
    for doc in docs(source):
        if OPENER.match(doc.text):
            yield Finding(name, doc.line, "opener", first_line(doc.text))
        words = count_words(doc.text)
        if words < MIN_DOC_WORDS and not doc.inner and is_public(code, doc.end, scopes):
            yield Finding(name, doc.line, "short", first_line(doc.text))


def docs(source):
    """Every block of doc comments: adjacent lines that have the same marker and nothing before it."""
    found = []
    for match in TOKEN.finditer(source):
        doc = match["comment"] and DOC.fullmatch(match[0])
        if not doc:
            continue
        line = source.count("\n", 0, match.start()) + 1
        inner = doc["marker"] == "//!"
        previous = found[-1] if found else None
        if previous and previous.inner == inner and not source[previous.end : match.start()].strip() \
                and source.count("\n", previous.end, match.start()) == 1:
            found[-1] = previous._replace(text=f"{previous.text}\n{doc['text'].strip()}", end=match.end())
        else:
            found.append(Doc(line, doc["text"].strip(), inner, match.end()))
    return found


def public_scopes(code):
    """The spans of public enums' and traits' bodies, whose items are public without saying so."""
    spans, stack, header = [], [], 0
    for match in re.finditer(r"[{};]", code):
        at = match.start()
        if match[0] == "{":
            stack.append((at, bool(SCOPE.search(code, header, at))))
        elif match[0] == "}" and stack:
            start, public = stack.pop()
            if public:
                spans.append((start, at))
        header = match.end()
    return spans


def is_public(code, end, scopes):
    """Tells if the item after a doc comment is public."""
    at = end
    while attribute := re.compile(r"\s*#\[").match(code, at):
        at = closing(code, attribute.end() - 1)
    if re.compile(r"\s*pub\b(?!\s*\()").match(code, at):
        return True
    return any(start < end < stop and is_direct(code, start, end) for start, stop in scopes)


def is_direct(code, start, at):
    """Tells if an offset is in a body itself, or in a variant's fields, and not in a function."""
    return not re.search(r"\bfn\b[^;{}]*\{[^}]*$", code[start + 1 : at])


def check_logs(name, source, code):
    for call in LOG.finditer(code):
        end = closing(code, call.end() - 1)
        for start, stop in arguments(code, call.end(), end - 1):
            if re.fullmatch(r'"[^"]*"', code[start:stop]):
                text = re.sub(r"\\\n\s*", "", source[start + 1 : stop - 1])
                line = source.count("\n", 0, start) + 1
                if count_words(text) > MAX_LOG_WORDS:
                    yield Finding(name, line, "log-long", text)
                if not re.match(r"[a-z]", text):
                    yield Finding(name, line, "log-case", text)
                break


def arguments(code, start, end):
    """The trimmed spans of a macro's arguments."""
    depth, first = 0, start
    for at in range(start, end + 1):
        if at == end or (code[at] == "," and depth == 0):
            text = code[first:at]
            yield first + len(text) - len(text.lstrip()), first + len(text.rstrip())
            first = at + 1
        elif code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1


def closing(code, start):
    """The offset after the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] in "([{") - (code[at] in ")]}")
        if depth == 0:
            return at + 1
    return len(code)


def check_subject(commit, subject):
    def wrong(text):
        return Finding("commit", commit, "commit", f"{text}: {subject}")

    if len(subject) > MAX_SUBJECT:
        yield wrong(f"{len(subject)} characters, at most {MAX_SUBJECT}")
    parts = SUBJECT.fullmatch(subject)
    if not parts:
        yield wrong("not `area: imperative summary`")
    elif NOT_IMPERATIVE.fullmatch(parts["verb"]) and parts["verb"].lower() not in IMPERATIVE:
        yield wrong(f"`{parts['verb']}` is not an imperative")


def count_words(text):
    return sum(bool(re.search(r"[\w{]", word)) for word in text.split())


def first_line(text):
    return text.split("\n", 1)[0]


def is_below(file, path):
    return file == path or file.startswith(f"{path}/")


def crate(file):
    return "/".join(file.split("/")[: 2 if file.startswith(("lib/", "cmd/")) else 1])


def print_all(findings):
    for finding in findings:
        print(finding)
    counts = Counter(finding.rule for finding in findings)
    print(", ".join(f"{rule}: {count}" for rule, count in sorted(counts.items())) or "no findings")


def print_table(findings):
    rules = ["opener", "short", "log-long", "log-case"]
    counts = Counter((crate(finding.file), finding.rule) for finding in findings)
    rows = [[name, *(counts[name, rule] for rule in rules)] for name in sorted({name for name, _ in counts})]
    total = ["total", *(sum(count for (_, of), count in counts.items() if of == rule) for rule in rules)]
    for name, *numbers in [["crate", *rules], *rows, total]:
        print(f"{name:<18}", *(f"{number:>9}" for number in numbers))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
