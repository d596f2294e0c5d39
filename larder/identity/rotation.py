"""What a refresh token is exchanged for where tokens rotate. Pure: the row is read and written
by services/sessions.py.

A token is a generation of its session. Exactly one generation is present: an exchange makes the
next one. A client whose answer was lost sends the parent of the present token again.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Decision(Enum):
    """What a given token gets: a new token, the present one again, or nothing."""

    RENEW = "renew"
    REPEAT = "repeat"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Present:
    """The present token: its generation, and how long ago it was made. `retried` is its parent if
    that had been exchanged before for a token that was never used; None after a first exchange."""

    generation: int
    age: timedelta
    retried: int | None = None

    @property
    def parent(self) -> int:
        """The generation whose exchange made the present one."""
        return self.generation - (2 if self.was_retried else 1)

    @property
    def was_retried(self) -> bool:
        """Whether `retried` is about the present token. A process of an earlier version makes the
        next generation and leaves `retried` as it is, which is then older."""
        return self.retried == self.generation - 2


def exchange(given: int, present: Present, grace: timedelta) -> Decision:
    """Decides on a token of generation `given`.

    The present token is renewed. Its parent gets the present token within the grace. After it,
    the parent is renewed once more: the present token was never exchanged, so its answer may have
    been lost; it ends. Any other token is refused, and without a grace the parent too.
    """
    if given == present.generation:
        return Decision.RENEW
    if given != present.parent or not grace:
        return Decision.REFUSE
    if present.age <= grace:
        return Decision.REPEAT
    return Decision.REFUSE if present.was_retried else Decision.RENEW
