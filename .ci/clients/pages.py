"""The pages of the documentation, read as a list of command blocks with the output that each promises."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$|^#+ [^\n]*$", re.M | re.S)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
ELISION = "…"


@dataclass
class Block:
    """A `sh` block, and the `json` or `text` block that follows it under the same heading."""

    line: int
    commands: str
    kind: str = ""
    promised: str = ""


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found: list[Block] = []
    last = None
    for match in FENCE.finditer(text):
        kind, body = match[1], match[2]
        if kind == "sh":
            last = Block(text.count("\n", 0, match.start()) + 2, body)
            found.append(last)
        elif kind in {"json", "text"} and last:
            last.kind, last.promised = kind, body
            last = None
        else:
            last = None
    return found


def differences(block: Block, output: str) -> str:
    """What the output lacks of what the page promises; empty if nothing."""
    if block.kind == "json":
        try:
            got = documents(output)
        except ValueError:
            return f"the output is not JSON:\n{output}"
        wanted = documents(block.promised)
        if len(got) != len(wanted):
            return f"{len(wanted)} JSON values are promised, and these came:\n{output}"
        return "\n".join(filter(None, (value_differs("", one, other) for one, other in zip(wanted, got))))
    if block.kind == "text" and not lines_match(block.promised.splitlines(), output.splitlines()):
        return f"promised:\n{block.promised}\nprinted:\n{output}"
    return ""


def documents(text: str) -> list:
    """The JSON values in a text, one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def value_differs(place: str, wanted, got) -> str:
    if type(wanted) is not type(got):
        return f"{place or 'the value'}: {wanted!r} is promised, and {got!r} came"
    if isinstance(wanted, dict):
        if wanted.keys() != got.keys():
            return f"{place or 'the value'}: fields {sorted(wanted)} are promised, and {sorted(got)} came"
        return "\n".join(filter(None, (value_differs(f"{place}.{key}", wanted[key], got[key]) for key in wanted)))
    if isinstance(wanted, list):
        if len(wanted) != len(got):
            return f"{place or 'the value'}: {len(wanted)} elements are promised, and {len(got)} came"
        return "\n".join(filter(None, (value_differs(f"{place}[{at}]", *pair) for at, pair in enumerate(zip(wanted, got)))))
    if isinstance(wanted, str):
        same = TIME.fullmatch(wanted) and TIME.fullmatch(got) or pattern(wanted).fullmatch(got)
        return "" if same else f"{place or 'the value'}: {wanted!r} is promised, and {got!r} came"
    return "" if wanted == got else f"{place or 'the value'}: {wanted!r} is promised, and {got!r} came"


def lines_match(wanted: list[str], got: list[str]) -> bool:
    """A line that is only an ellipsis stands for any number of lines, one within a line for any text."""
    if not wanted:
        return not got
    if wanted[0].strip() == ELISION:
        return any(lines_match(wanted[1:], got[skipped:]) for skipped in range(len(got) + 1))
    return bool(got) and bool(pattern(wanted[0].rstrip()).fullmatch(got[0].rstrip())) and lines_match(wanted[1:], got[1:])


def pattern(text: str) -> re.Pattern:
    return re.compile(".*".join(re.escape(piece) for piece in text.split(ELISION)), re.S)
