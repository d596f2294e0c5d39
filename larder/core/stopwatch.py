"""Measures durations. Services get the time of day as an argument."""

from time import monotonic


class Stopwatch:
    """Runs from its creation.

    >>> Stopwatch().seconds < 1
    True
    """

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since its creation."""
        return monotonic() - self._began


BEGAN = "larder.began"
"""The WSGI environment's key for the arrival time of a request that waited before Django got it:
nanoseconds of the performance counter."""
