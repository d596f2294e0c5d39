"""Changing one's password: who may, what is refused, and what goes on afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from larder.http.authentication import secrets
from larder.identity import attempts, key_queries
from larder.identity.models import Customer
from larder.identity.services import keys, passwords
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
    """Asks for another password."""
    body = {"current_password": current, "new_password": new}
    return api("POST", PATH, body, Authorization=f"Bearer {access}")


def code(answer: Answer) -> tuple[int, str | None]:
    return answer.status, answer.body and answer.body.get("code")


def test_the_new_password_opens_and_the_old_one_does_not(api: Api, person: MakePerson) -> None:
    who = person()
    changed = change(api, log_in(api, who).body["access"])
    assert (changed.status, changed.body) == (204, None)
    assert code(log_in(api, who)) == (401, "invalid_credentials")
    assert log_in(api, who, NEW).status == 200


def test_the_log_in_that_asks_goes_on_and_all_others_end(
    api: Api, person: MakePerson, clock: Clock
) -> None:
    who, other = person(), person()
    mine, tablet, bystander = (log_in(api, one).body for one in (who, who, other))
    assert change(api, mine["access"]).status == 204
    assert JudgedApi(mine["access"])("GET", "me").status == 200
    assert api("POST", "auth/token/refresh", {"refresh": mine["refresh"]}).status == 200
    assert api("POST", "auth/token/refresh", {"refresh": bystander["refresh"]}).status == 200
    ended = api("POST", "auth/token/refresh", {"refresh": tablet["refresh"]})
    assert code(ended) == (401, "session_ended")
    clock.passed = 30
    assert code(JudgedApi(tablet["access"])("GET", "me")) == (401, "session_ended")


def test_keys_go_on_but_for_the_one_that_was_handed_out_for_the_old_password(
    api: Api, person: MakePerson
) -> None:
    who, now = person(), datetime.now(UTC)
    made = str(keys.create_key(who.caller, "till", now=now).text)
    ask = partial(
        keys.key_for_password,
        who.customer.username,
        channel="contract0",
        secrets=secrets(),
        now=now,
    )
    derived = ask(OLD)
    assert change(api, log_in(api, who).body["access"]).status == 204
    assert key_queries.key_use(made, secrets=secrets()) is not None
    assert key_queries.key_use(derived, secrets=secrets()) is None
    assert ask(NEW) != derived


def test_a_key_may_change_the_password_too_and_every_log_in_ends(
    api: Api, person: MakePerson
) -> None:
    who = person()
    key = str(keys.create_key(who.caller, "till", now=datetime.now(UTC)).text)
    refresh = log_in(api, who).body["refresh"]
    assert change(api, key).status == 204
    assert code(api("POST", "auth/token/refresh", {"refresh": refresh})) == (401, "session_ended")
    assert JudgedApi(key)("GET", "me").status == 200


@pytest.mark.parametrize("current", ["", "wrong horse", "\ud83d\udc0e", OLD.upper()])
def test_a_wrong_present_password_changes_nothing(
    api: Api, person: MakePerson, current: str
) -> None:
    who = person()
    access = log_in(api, who).body["access"]
    before = Customer.objects.filter(pk=who.id).values().get()
    assert code(change(api, access, current)) == (403, "wrong_password")
    assert Customer.objects.filter(pk=who.id).values().get() == before


def test_an_account_without_a_password_has_none_to_change(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    who = person()
    who.customer.set_unusable_password()
    who.customer.save()
    body = {"current_password": who.customer.password, "new_password": NEW}
    assert code(as_(who)("POST", PATH, body)) == (403, "wrong_password")


def test_a_repeat_whose_answer_was_lost_is_answered_as_the_first(
    api: Api, person: MakePerson
) -> None:
    who = person()
    access = log_in(api, who).body["access"]
    assert [change(api, access).status for _ in range(3)] == [204] * 3
    later = log_in(api, who, NEW).body["refresh"]
    assert change(api, access).status == 204
    assert api("POST", "auth/token/refresh", {"refresh": later}).status == 200


FAULTS: list[tuple[Any, set[tuple[str, str]]]] = [
    ({}, {("/current_password", "required"), ("/new_password", "required")}),
    (
        {"current_password": 1, "new_password": "123", "x": 1},
        {
            ("/current_password", "wrong_type"),
            ("/x", "unknown_field"),
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


@pytest.mark.parametrize(("body", "found"), FAULTS)
def test_every_fault_of_a_change_is_named_at_once(
    as_: Callable[[Person], Api], person: MakePerson, body: Any, found: set[tuple[str, str]]
) -> None:
    refused = as_(person("Ada Lovelace"))("POST", PATH, body)
    assert refused.status == 400
    assert {(one["pointer"], one["code"]) for one in refused.body["errors"]} == found


def test_a_weak_password_is_refused_whether_the_present_one_is_right_or_not(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    mine = as_(person())
    for current in (OLD, "wrong horse"):
        refused = mine("POST", PATH, {"current_password": current, "new_password": "123"})
        assert code(refused) == (400, "validation_error")


def test_an_account_that_was_deactivated_meanwhile_changes_nothing(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    who = person()
    mine = as_(who)
    Customer.objects.filter(pk=who.id).update(is_active=False)
    body = {"current_password": OLD, "new_password": NEW}
    assert code(mine("POST", PATH, body)) == (401, "session_ended")


def test_guessing_the_present_password_is_counted_as_log_ins_are(
    as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    who = person()
    mine, wrong = as_(who), {"current_password": "wrong horse", "new_password": NEW}
    tries = attempts.NORMAL["log in"].account.times
    assert [mine("POST", PATH, wrong).status for _ in range(tries + 1)] == [403] * tries + [429]
    assert log_in(mine, who).status == 429


@pytest.mark.parametrize("path", [PATH, "auth/token"])
def test_a_new_username_gives_no_new_guesses(
    path: str, as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    mine = as_(person())
    statuses = []
    tries = attempts.NORMAL["log in"].account.times
    for number in range(tries + 1):
        # As many changes of the name as an account has; so the last name has two guesses.
        name = f"renamed {min(number, tries - 1)}"
        assert mine("PATCH", "me", {"username": name}).status == 200
        wrong = {"current_password": "wrong horse", "new_password": NEW}
        body = wrong if path == PATH else {"username": name, "password": "wrong horse"}
        statuses.append(mine("POST", path, body).status)
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {403 if path == PATH else 401}


def test_a_wrong_present_password_is_refused_and_counted_whatever_the_new_one_is(
    as_: Callable[[Person], Api], person: MakePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a caller with a token would try two passwords at a time, and learn of the second."""
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    who = person()
    mine, guess = as_(who), {"current_password": "wrong horse", "new_password": OLD}
    tries = attempts.NORMAL["log in"].account.times
    assert [mine("POST", PATH, guess).status for _ in range(tries + 1)] == [403] * tries + [429]


def test_after_a_change_only_its_own_repeat_is_answered_as_it_was(
    as_: Callable[[Person], Api], person: MakePerson
) -> None:
    who = person()
    mine = as_(who)

    def ask(current: str, new: str) -> int:
        return mine("POST", PATH, {"current_password": current, "new_password": new}).status

    assert [ask(OLD, NEW), ask("wrong horse", NEW), ask(OLD, "a third horse")] == [204, 403, 403]
    assert ask(OLD, NEW) == 204
    assert [ask(NEW, OLD), ask(NEW, OLD), ask("wrong horse", OLD)] == [204, 204, 403]


@pytest.mark.parametrize("known", [True, False])
def test_a_repeat_is_none_once_another_password_was_set(
    as_: Callable[[Person], Api], person: MakePerson, *, known: bool
) -> None:
    """By staff, or by a command that knows nothing of changes."""
    who = person()
    mine, body = as_(who), {"current_password": OLD, "new_password": NEW}
    assert mine("POST", PATH, body).status == 204
    encoded = make_password("a third horse")
    if known:
        passwords.set_password(None, who.id, encoded, now=datetime.now(UTC))
        assert Customer.objects.get(pk=who.id).password_change == ""
    else:
        Customer.objects.filter(pk=who.id).update(password=encoded)
    assert code(mine("POST", PATH, body)) == (403, "wrong_password")


def test_a_password_is_not_changed_without_a_token(api: Api, db: None) -> None:
    body = {"current_password": OLD, "new_password": NEW}
    assert code(api("POST", PATH, body)) == (401, "not_authenticated")
