"""For how many a leader of group commit waits, and how long: as its last groups say.

Customers who order again and again come back one by one as they get their answers. Who leads would
take the first of them along and leave the others to the next group: twice the transactions for as
many orders. So it waits until as many are there as the largest of the last groups had, but no
longer than those groups are worth: PACE times what the last one took, since it began. A server with
nothing to do adds no waiting: its last group began long ago, or all of the last were of one.
"""

from collections import deque

from larder.common.stopwatch import Stopwatch

REMEMBERED = 32
"""Groups. After so many of one each, nobody waits."""

PACE = 4
"""A group that waits begins at most so many times as long after the last one as that one took: 8 ms
where a group takes 2, more beside readers, where it takes 6 (ADR 24)."""


class Company:
    """What the groups of one process were like. For one thread at a time.

    `most` is how many seconds may lie between the beginnings of two groups, whatever the last one
    took; with 0 nobody is waited for.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._sizes: deque[int] = deque([0], maxlen=REMEMBERED)
        self._since = Stopwatch()
        self._took = 0.0

    @property
    def last(self) -> int:
        """How many the last group had."""
        return self._sizes[-1]

    @property
    def expected(self) -> int:
        """How many the next group may have: the largest of the last ones."""
        return max(self._sizes)

    @property
    def seconds(self) -> float:
        """For how long they may be waited for from now on; 0 or less for not at all."""
        return min(self._most, PACE * self._took) - self._since.seconds

    def began(self, size: int) -> None:
        """A group of so many begins."""
        self._sizes.append(size)
        self._since = Stopwatch()

    def ended(self, seconds: float) -> None:
        """It took so long."""
        self._took = seconds
