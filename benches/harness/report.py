"""The report of a benchmark, as text and as JSON, from which the tables and plots of the documentation are generated."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import sys

# The options with paths on this machine, which are omitted from the recorded command.
PATHS = ("--json", "--directory", "--server", "--draftctl", "--cronjob", "--confirm_load", "--empty", "--other")


class Report:
    """A report, named after its script or after the selected part of it."""

    def __init__(self, name):
        self.name, self.cases, self.growth = name, [], []

    def compare(self, what, figures, subject, unit, goals=None):
        """Adds a comparison of the subject with all others in `figures`. Each goal is the minimum speed, as a multiple of a
        reference's: {"rclone": 10}."""
        goals = goals or {}
        print(f"{what}, median of {len(figures.rounds[subject])} rounds in turn:")
        for name in figures.rounds:
            print(f"  {name}: {figures.median(name):.4g} {unit}")
        for reference in figures.rounds:
            if reference != subject:
                speeds = figures.speeds(subject, reference)
                goal = f", at least {goals[reference]:g} is wanted" if reference in goals else ""
                print(
                    f"  {subject} is {statistics.median(speeds):.3g} times as fast as {reference}"
                    f" ({speeds[0]:.3g} to {speeds[-1]:.3g}{goal})"
                )
        self._case(what, figures.rounds, subject, unit, figures.less_is_better, goals=goals)

    def measure(self, what, figures, unit, at_most=None, subject="DraftStore"):
        """Adds the median of a list of figures without a reference. Less is better."""
        limit = "" if at_most is None else f", at most {at_most:g} is wanted"
        print(f"{what}: {statistics.median(figures):.4g} {unit} ({min(figures):.4g} to {max(figures):.4g}{limit})")
        self._case(what, {subject: figures}, subject, unit, True, at_most=at_most)

    def grows(self, what, work, cost, lines):
        """Adds the growth of a cost with the amount of work: {name: [(work, cost), …]}, and the units of both."""
        print(f"{what}, {cost} by {work}:")
        for name, points in lines.items():
            print(f"  {name}: " + ", ".join(f"{y:.4g} at {x:g}" for x, y in points))
        self.growth.append({"what": what, "work": work, "cost": cost, "lines": lines})

    def write(self, path):
        """Writes the report to a file, if one is given."""
        if path is None:
            return
        report = {
            "bench": self.name,
            "command": self._command(),
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "cases": self.cases,
            "growth": self.growth,
        }
        path.write_text(json.dumps(report, indent=1) + "\n")

    def _command(self):
        """Returns the command line without paths on this machine."""
        words, is_path = [], False
        for word in sys.argv[1:]:
            option, _, value = word.partition("=")
            if is_path:
                is_path = False
            elif option in PATHS:
                is_path = not value
            else:
                words.append(word)
        return " ".join([f"python3 benches/{pathlib.Path(sys.argv[0]).name}", *words])

    def _case(self, what, rounds, subject, unit, less_is_better, goals=None, at_most=None):
        rounded = {name: [float(f"{figure:.5g}") for figure in figures] for name, figures in rounds.items()}
        case = {"what": what, "unit": unit, "less_is_better": less_is_better, "subject": subject, "figures": rounded}
        if goals:
            case["goals"] = goals
        if at_most is not None:
            case["at_most"] = at_most
        self.cases.append(case)


def machine():
    """Describes the machine: processor, cores and kernel."""
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release().split('-')[0]}"
