"""The limit of sessions of an account, and the end of all of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from larder.db import database
from larder.identity.models import Customer, Session
from larder.identity.queries import credentials
from larder.identity.services import accounts, sessions
from larder.identity.services.sessions import MAX_SESSIONS
from larder.identity.tokens import API, V1
from tests.conftest import Answer, Api, Person
from tests.database import analyze
from tests.identity.conftest import Clock, LogIn

OPEN = """
INSERT INTO session (id, customer_id, door, client, generation,
                     created_at, rotated_at, expires_at)
SELECT gen_random_uuid(), %s, 'v1', 'crowd', 0,
       %s, %s::timestamptz - place * interval '1 millisecond', %s
FROM generate_series(1, %s) AS place
"""


def open_sessions(customer: int, many: int, *, used: datetime | None = None) -> None:
    """Opens that many sessions of an account, each used a millisecond before the one before it."""
    moment = used or datetime.now(UTC)
    database.execute(OPEN, [customer, moment, moment, moment + timedelta(days=30), many])


def by_use(customer: int) -> list[UUID]:
    """Returns the valid sessions of an account, the least recently used first."""
    live = Session.objects.live(datetime.now(UTC)).filter(customer=customer)
    return list(live.order_by("rotated_at").values_list("id", flat=True))


Enter = Callable[..., LogIn]
MakePerson = Callable[..., Person]


def pair_of(who: Person) -> dict[str, str]:
    """A log-in through the API."""
    credentials = {"username": who.customer.username, "password": who.password}
    body: dict[str, str] = Api()("POST", "auth/token", credentials).body
    return body


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body and answer.body.get("code")


@pytest.mark.parametrize("policy", [V1, API], ids=lambda policy: policy.name)
def test_the_session_unused_longest_ends_when_one_more_is_opened(
    log_in: Enter, person: MakePerson, policy: Any
) -> None:
    who, other = person(), person()
    open_sessions(other.id, MAX_SESSIONS)
    open_sessions(who.id, MAX_SESSIONS)
    oldest, *others = by_use(who.id)
    log_in(who, policy, began=datetime.now(UTC))
    assert by_use(who.id)[:-1] == others
    assert Session.objects.get(id=oldest).ended_at is not None
    assert len(by_use(other.id)) == MAX_SESSIONS


@pytest.mark.parametrize("policy", [V1, API], ids=lambda policy: policy.name)
def test_a_refresh_at_any_api_version_counts_as_use(
    log_in: Enter, person: MakePerson, policy: Any
) -> None:
    who, now = person(), datetime.now(UTC)
    mine = log_in(who, policy, began=now - timedelta(hours=1))
    open_sessions(who.id, MAX_SESSIONS - 1, used=now)
    mine.refresh(mine.pair.refresh, at=3601)
    log_in(who, began=now)
    assert mine.refresh(mine.pair.refresh, at=3602)


def test_expired_sessions_do_not_count_for_the_limit(log_in: Enter, person: MakePerson) -> None:
    who, now = person(), datetime.now(UTC)
    open_sessions(who.id, MAX_SESSIONS)
    Session.objects.update(expires_at=now)
    open_sessions(who.id, MAX_SESSIONS - 1)
    log_in(who, began=now)
    assert len(by_use(who.id)) == MAX_SESSIONS
    assert not Session.objects.filter(ended_at__isnull=False).exists()


def test_each_session_is_looked_up_if_too_many_ended(
    person: MakePerson, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("larder.identity.queries.credentials.MAX_LISTED", 2)
    who, other, now = person(), person(), datetime.now(UTC)
    before = pair_of(who)["access"]
    open_sessions(who.id, 3)
    sessions.end_others(who.id, keep=None, now=now)
    mine = Api(pair_of(other)["access"])
    clock.passed = 30
    assert credentials.ended_sessions(now=now) is None
    assert code(Api(before)("GET", "me")) == (401, "session_ended")
    assert mine("GET", "me").status == 200


ENDINGS: dict[str, Callable[[Person, Api], object]] = {
    "DELETE me/sessions": lambda _, mine: mine("DELETE", "me/sessions"),
    "DELETE me": lambda _, mine: mine("DELETE", "me"),
    "password/change": lambda who, mine: mine(
        "POST",
        "auth/password/change",
        {"current_password": who.password, "new_password": "a horse of another colour"},
    ),
    "deletion by staff": lambda who, _: accounts.delete_account(who.id, now=datetime.now(UTC)),
    "deactivation": lambda who, _: Customer.objects.filter(pk=who.id).update(is_active=False),
}


@pytest.mark.parametrize("way", ENDINGS)
def test_all_sessions_of_an_account_end_at_once(person: MakePerson, way: str, clock: Clock) -> None:
    who = person()
    mine, other = pair_of(who), pair_of(who)
    ENDINGS[way](who, Api(mine["access"]))
    clock.passed = 30
    refused = Api()("POST", "auth/token/refresh", {"refresh": other["refresh"]})
    assert code(refused) == (401, "session_ended")
    assert code(Api(other["access"])("GET", "me")) == (401, "session_ended")


@pytest.mark.parametrize("way", ["DELETE me/sessions", "password/change"])
def test_the_session_that_ends_all_others_keeps_its_tokens(
    person: MakePerson, way: str, clock: Clock
) -> None:
    who = person()
    mine, other = pair_of(who), pair_of(who)
    ENDINGS[way](who, Api(mine["access"]))
    clock.passed = 30
    assert code(Api(other["access"])("GET", "me")) == (401, "session_ended")
    assert Api(mine["access"])("GET", "me").status == 200
    (left,) = Api(mine["access"])("GET", "me/sessions").body["results"]
    assert left["current"]
    renewed = Api()("POST", "auth/token/refresh", {"refresh": mine["refresh"]}).body
    ended = Api(renewed["access"])("DELETE", f"me/sessions/{left['id']}")
    assert ended.status == 204
    clock.passed = 60
    for token in (mine["access"], renewed["access"]):
        assert code(Api(token)("GET", "me")) == (401, "session_ended")


@pytest.mark.parametrize("way", ["DELETE me/sessions", "password/change"])
def test_an_ended_session_cannot_end_others_or_become_valid_again(
    person: MakePerson, way: str, clock: Clock
) -> None:
    """Its access token is accepted for some seconds."""
    who = person()
    thief, mine = pair_of(who), pair_of(who)
    assert Api(thief["access"])("GET", "me").status == 200
    assert Api(mine["access"])("DELETE", "me/sessions").status == 204
    assert code(ENDINGS[way](who, Api(thief["access"]))) == (401, "session_ended")  # type: ignore[arg-type]
    assert Api()("POST", "auth/token/refresh", {"refresh": mine["refresh"]}).status == 200
    refused = Api()("POST", "auth/token/refresh", {"refresh": thief["refresh"]})
    assert code(refused) == (401, "session_ended")


def test_a_session_opened_after_the_end_of_all_others_is_valid(
    person: MakePerson, clock: Clock
) -> None:
    who = person()
    Api(pair_of(who)["access"])("DELETE", "me/sessions")
    later = pair_of(who)
    assert Api(later["access"])("GET", "me").status == 200
    assert Api()("POST", "auth/token/refresh", {"refresh": later["refresh"]}).status == 200


def test_a_reactivated_account_has_no_earlier_session(person: MakePerson, clock: Clock) -> None:
    who = person()
    before = pair_of(who)
    for active in (False, True):
        Customer.objects.filter(pk=who.id).update(is_active=active)
    refused = Api()("POST", "auth/token/refresh", {"refresh": before["refresh"]})
    assert code(refused) == (401, "session_ended")
    assert code(Api(before["access"])("GET", "me")) == (401, "session_ended")


def test_sessions_of_an_account_are_found_by_its_index(person: MakePerson) -> None:
    who, now = person(), datetime.now(UTC)
    Customer.objects.bulk_create(Customer(username=f"crowd {number}") for number in range(300))
    for customer in Customer.objects.all():
        open_sessions(customer.pk, 10)
    analyze("customer", "session")
    live = Session.objects.live(now).filter(customer=who.id)
    ended = Session.objects.filter(ended_at__gt=now)
    for statement, index in (
        (live, "session_of_account"),
        (Session.objects.filter(customer=who.id), "session_of_account"),
        (ended, "session_ended"),
    ):
        database.execute("SET LOCAL enable_seqscan = off")
        plan = statement.explain()
        assert index in plan, plan
