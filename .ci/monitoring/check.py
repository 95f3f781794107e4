"""Holds alerts, their tests, the dashboard and the documentation against each other: python check.py PROMTOOL

`--write` brings the Prometheus Operator's copy of the alerts up to date."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[2]
MONITORING = REPO / "manifest/monitoring"
COPY = REPO / "manifest/components/alerts/prometheus-rule.yaml"
OPERATIONS = "docs/operate/runbook.md"
# What Grafana puts there, at the least.
RATE_INTERVAL = "1m"

COPY_HEAD = """\
# monitoring/alerts.yaml, as the Prometheus Operator wants it: python .ci/monitoring/check.py promtool --write
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: draftstore
spec:
"""


def main(promtool, *options):
    text = (MONITORING / "alerts.yaml").read_text()
    if "--write" in options:
        COPY.write_text(copy_of(text))
    assert COPY.read_text() == copy_of(text), f"{COPY.name} is not alerts.yaml's copy: run this with --write"
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    panels = [panel for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    check_tests(rules)
    check_sections(rules)
    check_places(panels)
    check_queries(promtool, queries)
    used = check_names([rule["expr"] for rule in rules] + queries)
    print(f"{len(rules)} alerts, {len(panels)} panels, {len(used)} metrics")


def copy_of(text):
    groups = text[text.index("groups:"):]
    return COPY_HEAD + "".join(f"  {line}\n" if line else "\n" for line in groups.splitlines())


def check_tests(rules):
    """Each alert is shown to fire, and to be silent."""
    tests = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    moments = [moment for test in tests for moment in test["alert_rule_test"]]
    for rule in rules:
        mine = [bool(moment["exp_alerts"]) for moment in moments if moment["alertname"] == rule["alert"]]
        assert set(mine) == {True, False}, f"{rule['alert']}: a moment at which it fires, and one at which it does not"


def check_sections(rules):
    """Each alert says where it is explained, and is; what is explained exists."""
    said = re.findall(r"^### (DraftStore\w+)$", (REPO / OPERATIONS).read_text(), re.MULTILINE)
    names = [rule["alert"] for rule in rules]
    assert sorted(said) == sorted(names), f"{OPERATIONS} explains other alerts than there are: {set(said) ^ set(names)}"
    for rule in rules:
        # GitHub's anchor of a heading that is one word.
        assert rule["annotations"]["runbook"] == f"{OPERATIONS}#{rule['alert'].lower()}", rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]


def check_places(panels):
    """No panel hides another."""
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells


def check_queries(promtool, queries):
    """The panels' queries are PromQL: as rules, promtool reads them."""
    rules = [{"record": f"panel:{number}", "expr": query.replace("$__rate_interval", RATE_INTERVAL)} for number, query in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        subprocess.run([promtool, "check", "rules", file.name], check=True, stdout=subprocess.DEVNULL)


def check_names(expressions):
    """Every metric is one that the programs have, by docs/reference/metrics.md."""
    listed = (REPO / "docs/reference/metrics.md").read_text()
    known = set(re.findall(r"`((?:draftstore|process)_\w+)`", listed))
    histograms = set(re.findall(r"^\| `(\w+)` \| histogram ", listed, re.MULTILINE))
    known |= {f"{name}_{part}" for name in histograms for part in ["bucket", "sum", "count"]}
    used = {name for text in expressions for name in re.findall(r"\b(?:draftstore|process)_\w+", text)}
    # A job's name in quotes is none.
    assert used <= known, f"docs/reference/metrics.md does not know {sorted(used - known)}"
    return used


if __name__ == "__main__":
    main(*sys.argv[1:])
