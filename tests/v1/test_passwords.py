"""Changing the own password: permission, refusals, and the sessions that stay valid."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from larder.http.authentication import secrets
from larder.identity.models import Customer
from larder.identity.queries import credentials
from larder.identity.services import attempts, keys
from tests.conftest import Answer, Api, Person
from tests.http.conftest import JudgedApi
from tests.identity.conftest import Clock, clock

__all__ = ["clock"]

MakePerson = Callable[..., Person]
OLD, NEW = "correct horse", "a horse of another colour"
PATH = "auth/password/change"


def log_in(api: Api, who: Person, password: str = OLD) -> Answer:
    """A token pair."""
    credentials = {"username": who.customer.username, "password": password}
    return api("POST", "auth/token", credentials)


def change(api: Api, access: str, current: str = OLD, new: str = NEW) -> Answer:
    """Requests a change of the password."""
    body = {"current_password": current, "new_password": new}
    return api("POST", PATH, body, Authorization=f"Bearer {access}")


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body and answer.body.get("code")


def test_the_new_password_works_and_the_old_one_does_not(api: Api, person: MakePerson) -> None:
    who = person()
    changed = change(api, log_in(api, who).body["access"])
    assert (changed.status, changed.body) == (204, None)
    assert code(log_in(api, who)) == (401, "invalid_credentials")
    assert log_in(api, who, NEW).status == 200


def test_a_password_change_keeps_its_session_and_ends_all_others(
    api: Api, person: MakePerson, clock: Clock
) -> None:
    who, other = person(), person()
    mine, tablet, bystander = (log_in(api, customer).body for customer in (who, who, other))
    assert change(api, mine["access"]).status == 204
    assert JudgedApi(mine["access"])("GET", "me").status == 200
    assert api("POST", "auth/token/refresh", {"refresh": mine["refresh"]}).status == 200
    assert api("POST", "auth/token/refresh", {"refresh": bystander["refresh"]}).status == 200
    ended = api("POST", "auth/token/refresh", {"refresh": tablet["refresh"]})
    assert code(ended) == (401, "session_ended")
    clock.passed = 30
    assert code(JudgedApi(tablet["access"])("GET", "me")) == (401, "session_ended")


def test_a_password_change_ends_only_the_derived_key(api: Api, person: MakePerson) -> None:
    who, now = person(), datetime.now(UTC)
    text = str(keys.create_key(who.caller, "till", now=now).text)
    ask = partial(
        keys.key_for_password,
        who.customer.username,
        channel="contract0",
        secrets=secrets(),
        now=now,
    )
    derived = ask(OLD)
    assert change(api, log_in(api, who).body["access"]).status == 204
    assert credentials.key_use(text, secrets=secrets()) is not None
    assert credentials.key_use(derived, secrets=secrets()) is None
    assert ask(NEW) != derived


def test_a_password_change_with_a_key_ends_every_session(api: Api, person: MakePerson) -> None:
    who = person()
    key = str(keys.create_key(who.caller, "till", now=datetime.now(UTC)).text)
    refresh = log_in(api, who).body["refresh"]
    assert change(api, key).status == 204
    assert code(api("POST", "auth/token/refresh", {"refresh": refresh})) == (401, "session_ended")
    assert JudgedApi(key)("GET", "me").status == 200


@pytest.mark.parametrize("current", ["", "wrong horse", "\ud83d\udc0e", OLD.upper()])
def test_a_wrong_current_password_changes_nothing(
    api: Api, person: MakePerson, current: str
) -> None:
    who = person()
    access = log_in(api, who).body["access"]
    before = Customer.objects.filter(pk=who.id).values().get()
    assert code(change(api, access, current)) == (403, "wrong_password")
    assert Customer.objects.filter(pk=who.id).values().get() == before


def test_an_account_without_a_password_cannot_change_it(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    who = person()
    who.customer.set_unusable_password()
    who.customer.save()
    body = {"current_password": who.customer.password, "new_password": NEW}
    assert code(as_(who)("POST", PATH, body)) == (403, "wrong_password")


FAULTS: list[tuple[Any, set[tuple[str, str]]]] = [
    ({}, {("/current_password", "required"), ("/new_password", "required")}),
    (
        {"current_password": OLD, "new_password": "123"},
        {
            ("/new_password", "password_too_short"),
            ("/new_password", "password_too_common"),
            ("/new_password", "password_entirely_numeric"),
        },
    ),
    (
        {"current_password": OLD, "new_password": "Ada Lovelace"},
        {("/new_password", "password_too_similar")},
    ),
    ({"current_password": OLD, "new_password": []}, {("/new_password", "wrong_type")}),
    (
        {"current_password": OLD, "new_password": "a\0horse\0of\0another"},
        {("/new_password", "nul")},
    ),
]


def test_a_password_may_change_the_direction_of_its_text(
    as_: Callable[[Person], Api], person: MakePerson, api: Api
) -> None:
    who, new = person(), "a horse \u202eof another"
    assert as_(who)("POST", PATH, {"current_password": OLD, "new_password": new}).status == 204
    assert log_in(api, who, new).status == 200


@pytest.mark.parametrize(("body", "faults"), FAULTS)
def test_every_fault_of_a_change_is_named_at_once(
    as_: Callable[[Person], Api], person: MakePerson, body: Any, faults: set[tuple[str, str]]
) -> None:
    refused = as_(person("Ada Lovelace"))("POST", PATH, body)
    assert refused.status == 400
    assert {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]} == faults


@pytest.mark.parametrize(
    ("current", "answer"),
    [(OLD, (400, "validation_error")), ("wrong horse", (403, "wrong_password"))],
)
def test_a_weak_password_is_refused_together_with_a_wrong_current_one(
    as_: Callable[[Person], Api], person: MakePerson, current: str, answer: tuple[int, str]
) -> None:
    body = {"current_password": current, "new_password": "123"}
    refused = as_(person("Ada Lovelace"))("POST", PATH, body)
    assert code(refused) == answer
    assert {fault["code"] for fault in refused.body["errors"]} == {
        *("password_too_short", "password_too_common", "password_entirely_numeric")
    }


def test_guesses_of_the_current_password_are_limited_like_log_ins(
    as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    who = person()
    mine, wrong = as_(who), {"current_password": "wrong horse", "new_password": NEW}
    tries = attempts.NORMAL["log in"][0].rate.times
    assert [mine("POST", PATH, wrong).status for _ in range(tries + 1)] == [403] * tries + [429]


@pytest.mark.parametrize("path", [PATH, "auth/token"])
def test_a_new_user_name_gives_no_new_attempts(
    path: str, as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    mine = as_(person())
    statuses = []
    tries = attempts.NORMAL["log in"][0].rate.times
    for number in range(tries + 1):
        # As many changes of the name as an account has; so the last name has two guesses.
        name = f"renamed {min(number, tries - 1)}"
        assert mine("PATCH", "me", {"username": name}).status == 200
        wrong = {"current_password": "wrong horse", "new_password": NEW}
        body = wrong if path == PATH else {"username": name, "password": "wrong horse"}
        statuses.append(mine("POST", path, body).status)
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {403 if path == PATH else 401}


def test_a_wrong_current_password_counts_with_any_new_password(
    as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a caller with a token could try two passwords with one request."""
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    who = person()
    mine, guess = as_(who), {"current_password": "wrong horse", "new_password": OLD}
    tries = attempts.NORMAL["log in"][0].rate.times
    assert [mine("POST", PATH, guess).status for _ in range(tries + 1)] == [403] * tries + [429]
