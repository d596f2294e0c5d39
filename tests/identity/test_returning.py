"""A log-in with an earlier refresh token of its account, which strangers cannot lock out."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from larder.identity.models import Session
from larder.identity.services import attempts
from tests.conftest import Answer, Api, Person

MakePerson = Callable[..., Person]


@pytest.fixture(autouse=True)
def _normal_limits(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    return iter(())


class Member(NamedTuple):
    """An account, and the refresh token of its last log-in."""

    who: Person
    refresh: str


def log_in(who: Person, refresh: str = "", password: str = "") -> Answer:
    body = {"username": who.customer.username, "password": password or who.password}
    return Api()("POST", "auth/token", body | ({"refresh": refresh} if refresh else {}))


@pytest.fixture
def member(person: MakePerson, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Member]:
    """Creates an account that has logged in at another address, and is locked out here."""

    def make(name: str) -> Member:
        who = person(name)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("larder.http.throttling.address_of", lambda _: "198.51.100.7")
            refresh = str(log_in(who).body["refresh"])
        for _ in range(10):
            log_in(who, password="wrong horse")
        return Member(who, refresh)

    return make


@pytest.mark.parametrize("state", ["live", "ended", "expired", "rotated"])
def test_a_log_in_with_an_earlier_refresh_token_is_not_locked_out(
    state: str, member: Callable[[str], Member]
) -> None:
    anna, shown = member("anna")
    if state == "rotated":
        assert Api()("POST", "auth/token/refresh", {"refresh": shown}).status == 200
    elif state != "live":
        column = "ended_at" if state == "ended" else "expires_at"
        Session.objects.update(**{column: anna.customer.date_joined})
    assert log_in(anna).status == 429
    assert log_in(anna, shown).status == 200


def test_a_token_of_another_account_or_an_invalid_one_is_ignored(
    member: Callable[[str], Member],
) -> None:
    (anna, own), shown = member("anna"), member("mallory").refresh
    for token in (shown, "nonsense", "ü", shown[:-4] + "AAAA", "a.b.c"):
        assert log_in(anna, token).status == 429
    assert log_in(anna, own).status == 200


def test_a_token_does_not_replace_the_password_and_has_ten_tries(
    member: Callable[[str], Member],
) -> None:
    anna, shown = member("anna")
    answers = [log_in(anna, shown, password="wrong horse") for _ in range(11)]
    assert [answer.status for answer in answers] == [401] * 10 + [429]


def test_a_password_is_changed_while_log_ins_are_refused(
    member: Callable[[str], Member],
) -> None:
    anna, shown = member("anna")
    access = log_in(anna, shown).body["access"]
    change = {"current_password": anna.password, "new_password": "a horse of another colour"}
    assert Api(access)("POST", "auth/password/change", change).status == 204
