"""Measurements of delays on a machine that does other work at the same time."""

from collections.abc import Callable

ATTEMPTS = 5


def lowest(measure: Callable[[], float], limit: float) -> float:
    """Returns the first measurement that is at most `limit`, or the lowest of ATTEMPTS.

    Other work of the machine may delay one measurement. A fault of the server delays all.
    """
    measured = [measure()]
    while measured[-1] > limit and len(measured) < ATTEMPTS:
        measured.append(measure())
    return min(measured)
