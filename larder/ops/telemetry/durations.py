"""Sums of durations, for histograms."""

from bisect import bisect_left
from collections.abc import Iterable

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the buckets, in seconds. They include those of docs/operate/alerts.md."""


class Durations:
    """Counts by duration: `counts` by BOUNDS, longer ones last, and the sum of all in `seconds`."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, durations: Iterable[float]) -> None:
        """Adds durations, in seconds."""
        for one in durations:
            self.counts[bisect_left(BOUNDS, one)] += 1
            self.seconds += one
