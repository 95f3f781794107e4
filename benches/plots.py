"""SVG plots that are readable on light and dark pages. They need only Python's standard library."""

import math
from xml.sax.saxutils import escape

STYLE = """<style>
  :root { --text: #1f2328; --quiet: #59636e; --line: #d1d9e0; --one: #1a5fb4; --two: #b35900; --three: #1a7f37; --four: #8250df; }
  @media (prefers-color-scheme: dark) {
    :root { --text: #f0f6fc; --quiet: #9198a1; --line: #3d444d; --one: #78aeed; --two: #ffa348; --three: #57e389; --four: #dc8add; }
  }
  text { font: 13px system-ui, sans-serif; fill: var(--text); }
  .quiet { fill: var(--quiet); font-size: 12px; }
  .title { font-weight: 600; }
  .grid { stroke: var(--line); }
  .even { stroke: var(--quiet); }
</style>"""

COLOURS = ("var(--one)", "var(--two)", "var(--three)", "var(--four)")


def speed_plot(speeds):
    """Plots the speed of each case: a dot at the median, a bar from the slowest to the fastest round, and a mark at the
    goal."""
    speeds = list(speeds)
    left, width, line, top = 250, 900, 22, 58
    values = [value for speed in speeds for value in (speed["low"], speed["high"], speed["goal"] or 1)]
    low = min([0.5, *values])
    high = max([2, *values])
    x = log_scale(low / 1.15, high * 1.15, left, width - 90)
    body, y, last = [], top, None
    for speed in speeds:
        if speed["what"] != last:
            y += 10
            body.append(text(8, y + 4, speed["what"], "title"))
            y += line
            last = speed["what"]
        body.append(text(left - 12, y + 4, speed["reference"], anchor="end"))
        body.append(
            f'<line x1="{x(speed["low"]):.1f}" x2="{x(speed["high"]):.1f}" y1="{y}" y2="{y}" stroke="var(--one)"'
            ' stroke-width="6" stroke-opacity="0.4" stroke-linecap="round"/>'
        )
        if speed["goal"]:
            at = x(speed["goal"])
            body.append(f'<path d="M{at:.1f} {y - 8}v16" stroke="var(--two)" stroke-width="2"/>')
        body.append(f'<circle cx="{x(speed["median"]):.1f}" cy="{y}" r="4.5" fill="var(--one)"/>')
        body.append(text(width - 8, y + 4, f"{short(speed['median'])}×", anchor="end"))
        y += line
    grid = []
    for value in ticks(low / 1.15, high * 1.15):
        at = x(value)
        grid.append(f'<path class="{"even" if value == 1 else "grid"}" d="M{at:.1f} {top}V{y}"/>')
        grid.append(text(at, top - 8, f"{value:g}×", "quiet", "middle"))
    legend = "speed ratio: median, slowest to fastest round; "
    heading = [
        text(8, 20, "DraftStore compared to others", "title"),
        text(width - 8, 20, legend + "orange: goal", "quiet", "end"),
    ]
    return svg(width, y + 12, "Speed of DraftStore compared to others", heading + grid + body)


def growth_plot(growths):
    """Plots the growth of costs with the amount of work, in one small log-log plot each."""
    columns, cell_width, cell_height = 2, 450, 270
    body = []
    for number, growth in enumerate(growths):
        left, top = (number % columns) * cell_width, (number // columns) * cell_height
        body.append(f'<g transform="translate({left} {top})">{"".join(cell(growth, cell_width, cell_height))}</g>')
    rows = max(1, math.ceil(len(growths) / columns))
    return svg(columns * cell_width, rows * cell_height, "How cost grows with work", body)


def cell(growth, width, height):
    points = [point for line in growth["lines"].values() for point in line]
    x = log_scale(min(p[0] for p in points), max(p[0] for p in points), 62, width - 110)
    lowest, highest = min(p[1] for p in points), max(p[1] for p in points)
    lowest, highest = (lowest / 1.3, highest * 1.3) if highest > lowest * 2 else (lowest / 3, highest * 3)
    y = log_scale(lowest, highest, height - 48, 44)
    yield text(8, 20, growth["what"], "title")
    yield text(8, 36, f"{growth['cost']}, by {growth['work']}", "quiet")
    for value in decades(lowest, highest):
        yield f'<path class="grid" d="M62 {y(value):.1f}H{width - 110}"/>'
        yield text(56, y(value) + 4, power(value), "quiet", "end")
    for value in sorted({point[0] for point in points}):
        yield text(x(value), height - 28, power(value), "quiet", "middle")
    ends = []
    for colour, (name, line) in zip(COLOURS * 3, growth["lines"].items()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for a, b in line:
            yield f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>'
        ends.append((y(line[-1][1]), x(line[-1][0]), name, colour))
    last = -math.inf
    for at, right, name, colour in sorted(ends):
        last = max(at, last + 14)
        yield f'<text x="{right + 8:.1f}" y="{last + 4:.1f}" style="fill:{colour}">{escape(name)}</text>'


def svg(width, height, title, body):
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x, y, words, kind=None, anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(words)}</text>'


def log_scale(low, high, begin, end):
    span = math.log(high / low) or 1
    return lambda value: begin + math.log(value / low) / span * (end - begin)


def ticks(low, high):
    """Returns 1, 2, 5, 10 … if there are few of them, otherwise powers of ten."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1, 3) if math.log10(high / low) < 4 else (1,)
    return [step * 10.0**e for e in exponents for step in steps if low <= step * 10.0**e <= high]


def decades(low, high):
    return [10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) if low <= 10.0**e <= high]


def power(value):
    for factor, name in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{name}"
    return f"{value:g}" if value >= 1e-3 else f"{value:.0e}".replace("e-0", "e-")


def short(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
