#!/usr/bin/env python3
"""Renders the benchmarks' figures for docs/performance.md: its tables, between marks in the page, and the plots.

    python3 benches/render.py           writes the tables of the page and docs/performance/*.svg
    python3 benches/render.py --check   fails if they do not match docs/performance/*.json

A benchmark writes its figures with `--json docs/performance/NAME.json`. All files in that directory are rendered, in the
order of ORDER, and then by name.
"""

import argparse
import json
import pathlib
import statistics
import sys

from plots import growth_plot, speed_plot

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "performance.md"
FIGURES = DOCS / "performance"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

ORDER = ("presign", "requests", "startup", "memory", "connections", "confirm", "list", "sweep", "store", "upload", "slow", "scan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where something would change")
    arguments = parser.parse_args()
    made = render()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if arguments.check:
        if stale:
            sys.exit("not up to date: run python3 benches/render.py for " + ", ".join(str(path.relative_to(DOCS.parent)) for path in stale))
        return
    for path in stale:
        path.write_text(made[path])
        print(f"wrote {path.relative_to(DOCS.parent)}")


def render():
    """Returns the expected content of each file."""
    reports = read()
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, behind = rest.partition(END)
    sections = [section(report) for report in reports if report["cases"]]
    made = {FIGURES / "speed.svg": speed_plot(speeds(reports))}
    growing = [report for report in reports if report.get("growth")]
    if growing:
        sections.append("## How cost grows with work\n\n![How cost grows with work](performance/growth.svg)")
        sections.extend(growth_section(report) for report in growing)
        made[FIGURES / "growth.svg"] = growth_plot([growth for report in growing for growth in report["growth"]])
    return {PAGE: "\n\n".join([before + BEGIN, *sections, END + behind]), **made}


def read():
    reports = [json.loads(path.read_text()) for path in FIGURES.glob("*.json")]
    place = {name: number for number, name in enumerate(ORDER)}
    return sorted(reports, key=lambda report: (place.get(report["bench"], len(place)), report["bench"]))


def section(report):
    """Returns the table of a benchmark, below its command."""
    rows = [row for case in report["cases"] for row in case_rows(case)]
    table = ["| | DraftStore | reference | speed | goal |", "|---|--:|--:|--:|--:|", *rows]
    return f"### {report['bench']}\n\n{caption(report)}\n\n" + "\n".join(table)


def caption(report):
    return f"`{report['command']}`, {report['date']}, {report['machine']}:"


def growth_section(report):
    """Returns the numbers of the growth plot as a table."""
    tables = []
    for growth in report["growth"]:
        amounts = sorted({amount for points in growth["lines"].values() for amount, _ in points})
        heads = " | ".join(f"{amount:,} {growth['work']}" for amount in amounts)
        table = [f"| {growth['what']}: {growth['cost']} | {heads} |", "|---|" + "--:|" * len(amounts)]
        for name, points in growth["lines"].items():
            costs = dict(map(tuple, points))
            cells = (f"{costs[amount]:,.0f}" if amount in costs else "" for amount in amounts)
            table.append(f"| {name} | {' | '.join(cells)} |")
        tables.append("\n".join(table))
    return "\n\n".join([caption(report), *tables])


def case_rows(case):
    figures, subject = case["figures"], case["subject"]
    ours = shown(statistics.median(figures[subject]), case["unit"])
    what = case["what"] if subject == "DraftStore" else f"{case['what']}: {subject}"
    references = references_of(case)
    if not references:
        most = case.get("at_most")
        wanted = "" if most is None else f"≤ {shown(most, case['unit'])}"
        yield f"| {what} | {ours} | | | {wanted} |"
    for name in references:
        ratios = case_speeds(case, name)
        goal = case.get("goals", {}).get(name)
        theirs = f"{name} {shown(statistics.median(figures[name]), case['unit'])}"
        speed = f"{digits(statistics.median(ratios))} ({digits(ratios[0])} to {digits(ratios[-1])})"
        yield f"| {what} | {ours} | {theirs} | {speed} | {'' if goal is None else f'≥ {goal:g}'} |"
        what = ours = ""


def references_of(case):
    """Returns the references of a case, the fastest first."""
    others = [name for name in case["figures"] if name != case["subject"]]
    return sorted(others, key=lambda name: statistics.median(case_speeds(case, name)))


def case_speeds(case, reference):
    """Returns the speed of the subject in each round as a multiple of the reference's, sorted."""
    pairs = zip(case["figures"][case["subject"]], case["figures"][reference], strict=True)
    return sorted(theirs / ours if case["less_is_better"] else ours / theirs for ours, theirs in pairs)


def speeds(reports):
    """Returns the speeds for the plot, grouped by case."""
    for report in reports:
        for case in report["cases"]:
            for name in references_of(case):
                ratios = case_speeds(case, name)
                yield {
                    "what": f"{report['bench']}: {case['what']}",
                    "reference": name,
                    "low": ratios[0],
                    "median": statistics.median(ratios),
                    "high": ratios[-1],
                    "goal": case.get("goals", {}).get(name),
                }


def shown(figure, unit):
    """Formats a figure with three significant digits in a suitable unit."""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if figure * factor >= 1:
                break
        return f"{digits(figure * factor)} {name}"
    return f"{digits(figure)}{'' if unit.startswith('/') else ' '}{unit}"


def digits(figure):
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.2f}" if figure < 10 else f"{figure:.1f}"


if __name__ == "__main__":
    main()
