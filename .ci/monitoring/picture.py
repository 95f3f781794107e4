"""Draws what a dashboard's panels show: every panel of the JSON, at its place, with its own queries asked of a real Prometheus.
This is no Grafana: it knows the two kinds of panels and the few settings that our dashboard has."""

import html
import math
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CELL, ROW, GAP = 60, 34, 8
STEP_SECONDS = 2
COLOURS = ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#5794f2", "#b877d9", "#ff85b8", "#96d98d", "#ffcb7d", "#8ab8ff", "#c0a0c8"]


def draw(prometheus, panels, seconds, file):
    end = time.time()
    body = []
    height = 0
    for panel in panels:
        at = panel["gridPos"]
        x, y = at["x"] * CELL, at["y"] * ROW
        w, h = at["w"] * CELL - GAP, at["h"] * ROW - GAP
        height = max(height, y + h + GAP)
        body.append(f'<g transform="translate({x + GAP},{y + GAP})">{KINDS[panel["type"]](panel, prometheus, end - seconds, end, w, h)}</g>')
    width = 24 * CELL + GAP
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="Inter, sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="#111217"/>{"".join(body)}</svg>'
    )
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "dashboard.html"
        page.write_text(f'<!doctype html><meta charset="utf-8"><body style="margin:0">{svg}')
        browser = [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   f"--user-data-dir={directory}/profile", f"--window-size={width},{height}", f"--screenshot={file.resolve()}", str(page)]
        subprocess.run(browser, check=True, capture_output=True, env=os.environ | {"HOME": directory}, timeout=120)
    print(f"drawn: {file}")


def frame(panel, w, h):
    return f'<rect width="{w}" height="{h}" rx="3" fill="#181b1f" stroke="#2c2f36"/>' + text(10, 18, panel["title"], "#d8d9da", weight=600)


def text(x, y, content, fill="#9a9ba1", anchor="start", weight=400, size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}">{html.escape(content)}</text>'


def row(panel, *_):
    return text(2, 20, panel["title"], "#d8d9da", weight=600, size=14)


def stat(panel, prometheus, _start, _end, w, h):
    [target] = panel["targets"]
    results = prometheus.query(target["expr"].replace("$__rate_interval", "30s"))
    value = float(results[0]["value"][1]) if results else math.nan
    colour = "#7eb26d"
    for step in panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            colour = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c"}[step["color"]]
    shown = "No data" if math.isnan(value) else amount(value, panel["fieldConfig"]["defaults"]["unit"])
    return frame(panel, w, h) + text(w / 2, h / 2 + 24, shown, colour, "middle", 600, 30)


def timeseries(panel, prometheus, start, end, w, h):
    lines = []
    for target in panel["targets"]:
        for one in prometheus.range(target["expr"].replace("$__rate_interval", "30s"), start, end, STEP_SECONDS):
            name = target["legendFormat"]
            for label, value in one["metric"].items():
                name = name.replace("{{" + label + "}}", value)
            points = [(float(at), float(value)) for at, value in one["values"] if math.isfinite(float(value))]
            if points:
                lines.append((name, points))
    if not lines:
        return frame(panel, w, h) + text(w / 2, h / 2 + 8, "No data", anchor="middle", size=14)
    lines.sort(key=lambda line: -max(value for _, value in line[1]))
    unit = panel["fieldConfig"]["defaults"]["unit"]
    top = nice(max(value for _, points in lines for _, value in points))
    left, right, upper, lower = 58, w - 12, 34, h - 50

    def place(at, value):
        return f"{left + (at - start) / (end - start) * (right - left):.1f},{lower - value / top * (lower - upper):.1f}"

    drawn = [frame(panel, w, h)]
    for part in range(5):
        y = lower - part / 4 * (lower - upper)
        drawn.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#2c2f36"/>' + text(left - 6, y + 4, amount(top * part / 4, unit), anchor="end"))
    for part in range(3):
        at = start + part / 2 * (end - start)
        x = left + part / 2 * (right - left)
        drawn.append(text(x, lower + 14, time.strftime("%H:%M:%S", time.gmtime(at)), anchor=["start", "middle", "end"][part]))
    x, y = 12, h - 20
    for number, (name, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(at, value) for at, value in points)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        long = 20 + 6.4 * len(name)
        if x + long > w and y < h - 10:
            x, y = 12, h - 6
        if x + long <= w:
            drawn.append(f'<rect x="{x}" y="{y - 5}" width="12" height="3" fill="{colour}"/>' + text(x + 16, y, name, size=10))
            x += long
    return "".join(drawn)


KINDS = {"row": row, "stat": stat, "timeseries": timeseries}


def nice(value):
    """The next round number."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= value * 0.999)


def amount(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        for size, name in [(86400, "d"), (3600, "h"), (60, "min")]:
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"
    if unit in ("bytes", "Bps"):
        for size, name in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]:
            if value >= size:
                return f"{value / size:.3g} {name}" + ("/s" if unit == "Bps" else "")
        return f"{value:.3g} B" + ("/s" if unit == "Bps" else "")
    return f"{value:.3g}" + (" /s" if unit == "reqps" else "")
