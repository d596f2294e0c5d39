"""How long something takes. What time it is, services are told by whoever calls them."""

from time import monotonic, monotonic_ns


class Stopwatch:
    """Runs from the moment it is made.

    >>> Stopwatch().seconds < 1
    True
    """

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return monotonic() - self._began


def nanoseconds() -> int:
    """The time by a clock that all processes of this machine share and that only goes forward.

    >>> nanoseconds() <= nanoseconds()
    True
    """
    return monotonic_ns()


BEGAN = "larder.began"
"""Where a request that is handed to Django late keeps when it came: nanoseconds of the performance
counter."""
