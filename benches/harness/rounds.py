"""Alternating measurements, so that other load on the machine affects all subjects equally."""

import statistics


class Figures:
    """The figures of several subjects, one per round, each a duration or a rate: {name: [figure, …]}."""

    def __init__(self, rounds, less_is_better=True):
        self.rounds, self.less_is_better = rounds, less_is_better

    def median(self, name):
        return statistics.median(self.rounds[name])

    def speeds(self, subject, reference):
        """Returns the speed of the subject in each round as a multiple of the reference's, sorted."""
        pairs = zip(self.rounds[subject], self.rounds[reference], strict=True)
        return sorted(theirs / ours if self.less_is_better else ours / theirs for ours, theirs in pairs)

    def speed(self, subject, reference):
        """Returns the median of the speeds of all rounds."""
        return statistics.median(self.speeds(subject, reference))


def alternate(rounds, measures, less_is_better=True, unit="s"):
    """Measures all of `measures`, {name: function that returns a figure}, alternately: one warm-up round and then so many
    rounds."""
    measured = {name: [] for name in measures}
    for number in range(rounds + 1):
        for name, measure in measures.items():
            measured[name].append(measure())
        shown = ", ".join(f"{name} {figures[-1]:.4g} {unit}" for name, figures in measured.items())
        print(f"{f'round {number}' if number else 'warm-up'}: {shown}", flush=True)
    return Figures({name: figures[1:] for name, figures in measured.items()}, less_is_better)
