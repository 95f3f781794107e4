"""Things measured in turn, so that whatever else the machine does weighs on all of them."""

import statistics


class Figures:
    """What each of several things took, or did in a second, round by round: {name: [figure, …]}."""

    def __init__(self, rounds, less_is_better=True):
        self.rounds, self.less_is_better = rounds, less_is_better

    def median(self, name):
        return statistics.median(self.rounds[name])

    def speeds(self, subject, reference):
        """How many times as fast the subject was as the reference, lowest round first."""
        pairs = zip(self.rounds[subject], self.rounds[reference], strict=True)
        return sorted(theirs / ours if self.less_is_better else ours / theirs for ours, theirs in pairs)

    def speed(self, subject, reference):
        """The median of the rounds' ratios."""
        return statistics.median(self.speeds(subject, reference))


def alternate(rounds, measures, less_is_better=True, unit="s"):
    """Calls each of `measures`, {name: function that gives a figure}, once in each of so many rounds, in turn, and once
    before them to warm up."""
    taken = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            taken[name].append(measure())
        shown = ", ".join(f"{name} {figures[-1]:.4g} {unit}" for name, figures in taken.items())
        print(f"{f'round {number}' if number else 'warm-up'}: {shown}", flush=True)
    return Figures({name: figures[1:] for name, figures in taken.items()}, less_is_better)
