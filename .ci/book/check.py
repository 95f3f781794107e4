"""Checks the links of the documentation: python check.py

Every relative link leads to a file, and its anchor to a heading. Pages of the book link to nothing outside of docs/, where the
book would not find it, and each is in SUMMARY.md. Paths and crates that the pages name exist. CONTRIBUTING.md
lists the steps of CI. README.md has at most 200 lines.
"""

import re
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BOOK = REPO / "docs"
README_LINES = 200
# It names what there was.
HISTORY = {"CHANGELOG.md"}

CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
PATH = re.compile(r"(?<![\w/.])((?:\.ci|benches|cmd|docs|fuzz|lib|manifest|proto)/[\w./-]*\w)")
CRATE = re.compile(r"(?:-p|--package) (draft[\w-]+)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def main():
    pages = files("*.md")
    links = [(page, target) for page in pages for target in LINK.findall(CODE.sub("", page.read_text()))]
    broken = [problem for page, target in links if (problem := broken_link(page, target))]
    crates = set(re.findall(r'^name = "(.*)"$', "\n".join(path.read_text() for path in files("*Cargo.toml")), re.M))
    for page in pages:
        code = "\n".join(CODE.findall(page.read_text())) if page.name not in HISTORY else ""
        broken += [f"{page.relative_to(REPO)}: {path} does not exist" for path in PATH.findall(code) if not (REPO / path).exists()]
        broken += [f"{page.relative_to(REPO)}: there is no crate {crate}" for crate in CRATE.findall(code) if crate not in crates]
    summary = (BOOK / "SUMMARY.md").read_text()
    for page in pages:
        name = page.relative_to(REPO)
        if BOOK in page.parents and page.name != "SUMMARY.md" and f"({page.relative_to(BOOK)})" not in summary:
            broken.append(f"{name}: is not in SUMMARY.md")
    contributing = (REPO / "CONTRIBUTING.md").read_text()
    steps = re.findall(r"^step_(\w+)\(\)", "\n".join(path.read_text() for path in files(".ci/steps/*.sh")), re.M)
    broken += [f"CONTRIBUTING.md: the step {step} is not listed" for step in steps if f"| `{step}` |" not in contributing]
    lines = len((REPO / "README.md").read_text().splitlines())
    if lines > README_LINES:
        broken.append(f"README.md: has {lines} lines, and may have {README_LINES}")
    assert not broken, "\n".join(["broken:", *broken])
    print(f"{len(pages)} pages, {len(links)} links, README.md has {lines} lines")


def files(pattern: str) -> list[Path]:
    """Those that are checked in."""
    listed = subprocess.run(["git", "ls-files", pattern], cwd=REPO, check=True, stdout=subprocess.PIPE, text=True)
    return [REPO / name for name in listed.stdout.split()]


def broken_link(page: Path, target: str) -> str:
    """What is wrong with it; empty if nothing is."""
    name = page.relative_to(REPO)
    if re.match(r"[a-z]+:", target):
        return ""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_file():
        return f"{name}: {target} does not exist"
    if BOOK in page.parents and BOOK not in file.parents:
        return f"{name}: {target} is outside of the book"
    if anchor and anchor not in anchors(file):
        return f"{name}: {target} has no such heading"
    return ""


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and mdBook give headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    main()
