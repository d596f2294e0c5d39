"""The exchange of refresh tokens, in every short sequence of uses by a phone and a thief."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise, product

import pytest

from larder.identity.errors import SessionEnded
from larder.identity.models import Session
from larder.identity.tokens import Refresh
from larder.identity.tokens.policies import V1
from larder.identity.tokens.rotation import Decision, Present, exchange
from tests.conftest import Person
from tests.identity.conftest import SIGNER, LogIn

GRACE = V1.grace.total_seconds()
SHORT, LONG = 1.0, GRACE + 15


@dataclass(frozen=True)
class Use:
    """One refresh: by whom, how long after the last one, and whether its answer is lost."""

    who: str = "phone"
    wait: float = LONG
    lost: bool = False


@dataclass
class Shop:
    """A session as its row has it, and the token that each client holds: both the same at first."""

    now: float = 0.0
    made: float = 0.0
    present: Present = field(default_factory=lambda: Present(0, timedelta(0)))
    ended: bool = False
    held: dict[str, int] = field(default_factory=lambda: {"phone": 0, "thief": 0})

    def use(self, use: Use) -> None:
        """Refreshes with the token that this client holds."""
        self.now += use.wait
        given = self.held[use.who]
        present = replace(self.present, age=timedelta(seconds=self.now - self.made))
        decision = exchange(given, present, V1.grace, repeats=True)
        self.ended |= decision is Decision.END
        if decision is Decision.RENEW and not self.ended:
            retried = given if given != present.generation else None
            self.present = Present(present.generation + 1, timedelta(0), retried)
            self.made = self.now
        if not (self.ended or use.lost):
            self.held[use.who] = self.present.generation


def played(uses: Sequence[Use]) -> Shop:
    """Returns the session after these uses."""
    shop = Shop()
    for use in uses:
        shop.use(use)
    return shop


def histories(length: int, *clients: str) -> Iterator[tuple[Use, ...]]:
    """Every sequence of that many refreshes."""
    every = [Use(*one) for one in product(clients, (SHORT, LONG), (False, True))]
    return product(every, repeat=length)


def test_a_phone_that_never_loses_two_answers_in_a_row_stays_logged_in() -> None:
    tried = 0
    for uses in histories(7, "phone"):
        if not any(one.lost and next_.lost for one, next_ in pairwise(uses)):
            assert not played(uses).ended, uses
            tried += 1
    assert tried > 1000


def test_a_phone_that_repeats_within_the_grace_may_lose_any_number_of_answers() -> None:
    for uses in histories(7, "phone"):
        if all(one.wait == SHORT for one in uses):
            assert not played(uses).ended


def test_two_holders_of_one_token_end_the_session_at_their_next_use() -> None:
    """After any sequence: each client uses its token, then the first one again."""
    for uses in histories(4, "phone", "thief"):
        for first, second in (("phone", "thief"), ("thief", "phone")):
            assert played([*uses, Use(first), Use(second), Use(first)]).ended, uses


@pytest.mark.parametrize("ahead", [0.0, 58.0])
def test_the_services_decide_as_the_model(
    log_in: Callable[..., LogIn], person: Callable[..., Person], ahead: float
) -> None:
    """Also if every second refresh is at a server whose clock is ahead."""
    mine = log_in(person())
    row = Session.objects.get()
    for uses in product(
        [Use(*one) for one in product(("phone", "thief"), (SHORT, LONG))], repeat=3
    ):
        shop, at = Shop(), 0.0
        row.save()
        tokens = dict.fromkeys(shop.held, mine.pair.refresh)
        for number, use in enumerate(uses):
            shop.use(use)
            at += use.wait
            tokens[use.who] = answered(mine, tokens[use.who], at, (ahead, 0.0)[number % 2])
            assert (tokens[use.who] == "") == shop.ended, uses
            if shop.ended:
                break
            given = SIGNER.read_refresh(tokens[use.who], policy=V1)
            assert given == Refresh(row.id, shop.held[use.who]), uses


def answered(mine: LogIn, token: str, at: float, ahead: float) -> str:
    """Returns the successor, or None if the session was ended."""
    try:
        return mine.refresh(token, at=at, ahead=ahead).refresh
    except SessionEnded:
        return ""
