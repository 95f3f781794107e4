"""Checks the links of the documentation: python check.py

Every relative link leads to a file, and its anchor to a heading. Pages of the book link to nothing outside of docs/, where the
book would not find it, and each is in SUMMARY.md. README.md has at most 200 lines.
"""

import re
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BOOK = REPO / "docs"
README_LINES = 200

CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def main():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=REPO, check=True, stdout=subprocess.PIPE, text=True)
    pages = [REPO / name for name in listed.stdout.split()]
    links = [(page, target) for page in pages for target in LINK.findall(CODE.sub("", page.read_text()))]
    broken = [problem for page, target in links if (problem := broken_link(page, target))]
    summary = (BOOK / "SUMMARY.md").read_text()
    for page in pages:
        name = page.relative_to(REPO)
        if BOOK in page.parents and page.name != "SUMMARY.md" and f"({page.relative_to(BOOK)})" not in summary:
            broken.append(f"{name}: is not in SUMMARY.md")
    lines = len((REPO / "README.md").read_text().splitlines())
    if lines > README_LINES:
        broken.append(f"README.md: has {lines} lines, and may have {README_LINES}")
    assert not broken, "\n".join(["broken:", *broken])
    print(f"{len(pages)} pages, {len(links)} links, README.md has {lines} lines")


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
