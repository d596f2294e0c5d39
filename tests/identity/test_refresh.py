"""Refresh tokens: rotation, the grace for lost replies, reuse, and the end of a session."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import jwt
import pytest
from django.db.models import F

from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded, TokenExpired, TokenInvalid
from larder.identity.models import Customer, Session
from larder.identity.services import sessions
from larder.identity.tokens import API, V1, Signer
from tests.conftest import NOW, Person
from tests.identity.conftest import SECRET, SIGNER, LogIn

Enter = Callable[[Person], LogIn]
MakePerson = Callable[..., Person]
MONTH = V1.refresh.total_seconds()


def test_a_refresh_token_is_exchanged_for_a_new_one_each_time(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    tokens = [mine.pair.refresh]
    for step in range(1, 5):
        tokens.append(mine.refresh(tokens[-1], at=300 * step).refresh)
    assert len(set(tokens)) == 5


def test_the_predecessor_gets_the_same_successor_for_sixty_seconds(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    successor = mine.refresh(mine.pair.refresh, at=1000).refresh
    for seconds in (0, 1, 30, 59):
        assert mine.refresh(mine.pair.refresh, at=1000 + seconds).refresh == successor
    assert mine.refresh(successor, at=1061).refresh != successor


@pytest.mark.parametrize(("first", "second"), [(0, 58), (58, 0)])
def test_servers_whose_clocks_differ_give_one_successor_within_the_grace(
    log_in: Enter, person: MakePerson, first: int, second: int
) -> None:
    mine = log_in(person())
    token, now = mine.pair.refresh, mine.began

    def refresh(token: str, ahead: int) -> str:
        """At a server whose clock is so many seconds ahead of the database's."""
        moment = now + timedelta(seconds=ahead)
        return sessions.refresh(token, policy=V1, signer=SIGNER, now=moment).refresh

    successor = refresh(token, first)
    for waited in (2.5, 50):
        Session.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=waited))
        assert refresh(token, second) == refresh(token, first) == successor
    assert refresh(successor, second) != successor


@pytest.mark.parametrize("ahead", [-58, 0, 58])
def test_the_grace_ends_after_sixty_seconds_by_the_clock_of_any_server(
    log_in: Enter, person: MakePerson, ahead: int
) -> None:
    mine = log_in(person())
    moment = mine.began + timedelta(seconds=ahead)
    refresh = partial(sessions.refresh, mine.pair.refresh, policy=V1, signer=SIGNER, now=moment)
    successor = refresh().refresh
    Session.objects.update(rotated_at=F("rotated_at") - timedelta(seconds=61))
    assert refresh().refresh != successor


def test_a_client_that_never_received_the_successor_continues_after_the_grace(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    lost = mine.refresh(mine.pair.refresh, at=1000).refresh
    second = mine.refresh(mine.pair.refresh, at=1075).refresh
    assert second not in {lost, mine.pair.refresh}
    assert mine.refresh(second, at=1400).refresh


def test_a_parent_token_is_exchanged_at_most_twice(log_in: Enter, person: MakePerson) -> None:
    mine = log_in(person())
    mine.refresh(mine.pair.refresh, at=1000)
    second = mine.refresh(mine.pair.refresh, at=1075).refresh
    for token in (mine.pair.refresh, second):
        with pytest.raises(SessionEnded):
            mine.refresh(token, at=1136)


def test_the_successor_that_a_second_exchange_replaced_ends_the_session(
    log_in: Enter, person: MakePerson
) -> None:
    """Two clients have a copy of the parent token."""
    mine = log_in(person())
    successor = mine.refresh(mine.pair.refresh, at=1000).refresh
    second = mine.refresh(mine.pair.refresh, at=1061).refresh
    with pytest.raises(SessionEnded):
        mine.refresh(successor, at=1062)
    with pytest.raises(SessionEnded):
        mine.refresh(second, at=1063)


def test_a_parent_whose_successor_was_used_ends_the_session(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    successor = mine.refresh(mine.pair.refresh, at=1000).refresh
    newest = mine.refresh(successor, at=1001).refresh
    with pytest.raises(SessionEnded):
        mine.refresh(mine.pair.refresh, at=1075)
    with pytest.raises(SessionEnded):
        mine.refresh(newest, at=1076)


def test_each_token_can_be_exchanged_a_second_time(log_in: Enter, person: MakePerson) -> None:
    mine = log_in(person())
    token = mine.pair.refresh
    for at in (1000, 2000, 3000):
        mine.refresh(token, at=at)
        token = mine.refresh(token, at=at + 75).refresh
    assert mine.refresh(token, at=4000).refresh


def test_a_token_older_than_the_predecessor_ends_the_session_at_once(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    second = mine.refresh(mine.pair.refresh, at=1).refresh
    third = mine.refresh(second, at=2).refresh
    with pytest.raises(SessionEnded):
        mine.refresh(mine.pair.refresh, at=3)
    with pytest.raises(SessionEnded):
        mine.refresh(third, at=4)


def test_ending_a_session_does_not_end_the_others(log_in: Enter, person: MakePerson) -> None:
    who = person()
    telephone, tablet = log_in(who), log_in(who)
    telephone.revoke(telephone.pair.refresh)
    with pytest.raises(SessionEnded):
        telephone.refresh(telephone.pair.refresh, at=1)
    assert tablet.refresh(tablet.pair.refresh, at=1).refresh


def test_each_refresh_gives_thirty_more_days(log_in: Enter, person: MakePerson) -> None:
    mine = log_in(person())
    later = mine.refresh(mine.pair.refresh, at=MONTH - 1).refresh
    assert mine.refresh(later, at=2 * MONTH - 2).refresh
    other = log_in(person())
    with pytest.raises(TokenExpired):
        other.refresh(other.pair.refresh, at=MONTH)


def test_revoking_works_with_a_token_of_any_age_and_any_number_of_times(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    successor = mine.refresh(mine.pair.refresh, at=1).refresh
    mine.revoke(mine.pair.refresh, at=500)
    mine.revoke(successor, at=600)
    with pytest.raises(SessionEnded):
        mine.refresh(successor, at=601)
    ended = Session.objects.get().ended_at
    assert ended is not None
    assert (ended - mine.began).total_seconds() == 500


def test_a_refresh_token_works_only_at_the_api_version_that_issued_it(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    with pytest.raises(TokenInvalid):
        mine.refresh(mine.pair.refresh, at=1, policy=API)
    with pytest.raises(TokenInvalid):
        mine.revoke(mine.pair.refresh, policy=API)
    assert mine.refresh(mine.pair.refresh, at=1).refresh


FORGED = {
    "nothing": "",
    "not base64": "%%%",
    "not ASCII": "ü" * 20,
    "too short": "AAAA",
    "all zero": "A" * 70,
    "another secret's": Signer(["x" * 50]).refresh(
        Caller(1, UUID(int=1), False, UUID(int=1)), 0, until=NOW + V1.refresh
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_refresh_token_is_refused(forged: str, log_in: Enter, person: MakePerson) -> None:
    mine = log_in(person())
    with pytest.raises(TokenInvalid):
        mine.refresh(FORGED[forged], at=1)


def test_every_changed_character_of_a_token_makes_it_invalid(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    token = mine.pair.refresh
    # The last character carries bits that base64 drops.
    for place in range(len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(TokenInvalid):
            SIGNER.read_refresh(token[:place] + other + token[place + 1 :], V1)


def test_tokens_signed_with_the_previous_secret_are_accepted_and_renewed(
    log_in: Enter, person: MakePerson
) -> None:
    mine = log_in(person())
    rotated = Signer(["the secret of today, just as long as the one before", SECRET])
    pair = sessions.refresh(mine.pair.refresh, policy=V1, signer=rotated, now=mine.began)
    with pytest.raises(TokenInvalid):
        SIGNER.read_refresh(pair.refresh, V1)
    assert rotated.read_refresh(pair.refresh, V1).generation == 1


def test_a_refresh_gives_new_staff_a_token_with_the_staff_claim(
    log_in: Enter, person: MakePerson
) -> None:
    who = person()
    mine = log_in(who)
    Customer.objects.filter(pk=who.id).update(is_staff=True)
    pair = mine.refresh(mine.pair.refresh, at=1)
    assert jwt.decode(pair.access, options={"verify_signature": False})["staff"] is True


def test_the_grace_is_sixty_seconds() -> None:
    assert V1.grace.total_seconds() == 60


def test_a_session_is_deleted_a_day_after_its_expiry(
    person: Callable[..., Person], now: datetime
) -> None:
    def session(expires_at: datetime) -> Session:
        times = {"created_at": now, "rotated_at": now, "expires_at": expires_at}
        return Session.objects.create(customer=person().customer, policy="v1", **times)

    live, late = session(now + timedelta(seconds=1)), session(now - timedelta(hours=23))
    gone = session(now - timedelta(hours=25))
    assert sessions.delete_past_sessions(now=now, limit=10) == 1
    assert set(Session.objects.values_list("id", flat=True)) == {live.id, late.id}
    assert not Session.objects.filter(id=gone.id).exists()
