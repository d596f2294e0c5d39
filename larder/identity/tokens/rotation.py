"""Decides what a refresh token is exchanged for if tokens rotate. Pure: services/sessions.py reads
and writes the row.

A token is a generation of its session. Exactly one generation is the current one. An exchange
creates the next one. A client that lost an answer sends the parent of the current token again.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class Decision(Enum):
    """The result for a given token: a new token, the current one again, a refusal, or the end of
    the session."""

    RENEW = "renew"
    REPEAT = "repeat"
    IGNORE = "ignore"
    END = "end"


@dataclass(frozen=True, slots=True)
class Present:
    """The current token: its generation and its age. `retried` is its parent if the parent had been
    exchanged before for a token that was never used. None after a first exchange."""

    generation: int
    age: timedelta
    retried: int | None = None

    @property
    def parent(self) -> int:
        """The generation whose exchange created the current one."""
        return self.generation - (2 if self.was_retried else 1)

    @property
    def was_retried(self) -> bool:
        """Whether `retried` belongs to the current token. A process of an earlier version creates
        the next generation without updating `retried`, which is then older."""
        return self.retried == self.generation - 2


def exchange(generation: int, present: Present, grace: timedelta, *, repeats: bool) -> Decision:
    """Returns the decision on a token of generation `generation`.

    The current token is renewed. Within the grace, its parent gets the current token again. After
    the grace, the parent is renewed once more, and the current token becomes invalid: it was never
    exchanged, so the answer with it may have been lost. Any other token ends the session. If a
    policy repeats nothing, the parent is invalid: within the grace it does not end the session.
    """
    if generation == present.generation:
        return Decision.RENEW
    if generation != present.parent:
        return Decision.END
    if present.age <= grace:
        return Decision.REPEAT if repeats else Decision.IGNORE
    return Decision.RENEW if repeats and not present.was_retried else Decision.END
