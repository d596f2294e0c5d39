"""Log-ins of returning clients are served while all others are refused."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from larder.core.errors import Overloaded
from larder.identity.errors import InvalidCredentials
from larder.identity.models import Session
from larder.identity.passwords import hashers
from larder.identity.passwords.hashers import HashQueue
from larder.identity.services.rates import RateLimited, attempts
from larder.identity.services.rates.attempts import Proof, attempt
from tests.conftest import Answer, Api, Person

MakePerson = Callable[..., Person]
HOME, STRANGE = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def _full(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sets the normal limits, with no place for log-ins without proof."""
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    monkeypatch.setattr(hashers, "_queue", [HashQueue(1, {"returning": 20, "open": 0})])
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
    """Creates an account that has logged in before, from another address."""

    def make(name: str) -> Member:
        with monkeypatch.context() as quiet:
            quiet.setattr(hashers, "_queue", [HashQueue(1, {"returning": 1, "open": 1})])
            quiet.setattr("larder.http.throttling.address_of", lambda _: STRANGE)
            who = person(name)
            return Member(who, str(log_in(who).body["refresh"]))

    return make


def served(
    account: str = "anna",
    address: str = HOME,
    proof: Proof = "none",
    caller: int | None = None,
) -> bool:
    """Returns whether a log-in with the right password gets a place."""
    with (
        suppress(Overloaded, RateLimited),
        attempt("log in", account=account, address=address, proof=proof, caller=caller),
    ):
        return True
    return False


def fail(account: str = "anna", address: str = HOME, proof: Proof = "none") -> bool:
    """Returns whether a wrong password was checked."""
    with suppress(Overloaded, RateLimited):
        try:
            with attempt("log in", account=account, address=address, proof=proof):
                raise InvalidCredentials
        except InvalidCredentials:
            return True
    return False


def test_a_log_in_with_an_earlier_refresh_token_is_served(
    member: Callable[[str], Member],
) -> None:
    anna, shown = member("anna")
    assert log_in(anna).status == 503
    assert log_in(anna, shown).status == 200


@pytest.mark.parametrize("state", ["ended", "expired", "rotated"])
def test_a_log_in_with_an_ended_or_replaced_refresh_token_is_served(
    state: str, member: Callable[[str], Member]
) -> None:
    anna, shown = member("anna")
    if state == "rotated":
        assert Api()("POST", "auth/token/refresh", {"refresh": shown}).status == 200
    else:
        column = "ended_at" if state == "ended" else "expires_at"
        Session.objects.update(**{column: anna.customer.date_joined})
    assert log_in(anna, shown).status == 200


def test_a_token_of_another_account_or_an_invalid_one_is_ignored(
    member: Callable[[str], Member],
) -> None:
    (anna, _), (mallory, shown) = member("anna"), member("mallory")
    for given in (shown, "nonsense", "ü", shown[:-4] + "AAAA", "a.b.c"):
        assert log_in(anna, given).status == 503
    assert log_in(mallory, shown).status == 200


def test_a_token_does_not_replace_the_password(
    member: Callable[[str], Member],
) -> None:
    answer = log_in(*member("anna"), password="wrong horse")
    assert (answer.status, answer.body["code"]) == (401, "invalid_credentials")


def test_an_account_is_served_at_a_known_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """This also holds for the earlier contracts and the admin, which have no field for a token."""
    assert not served(address=HOME)
    assert served(address=HOME, proof="token")
    assert served(address=HOME)
    assert not served(address=STRANGE)


def test_a_token_has_attempts_that_strangers_cannot_use_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as roomy:
        roomy.setattr(hashers, "_queue", [HashQueue(1, {"returning": 1, "open": 20})])
        assert [fail(address=f"192.0.2.{n}") for n in range(11)] == [True] * 10 + [False]
        assert not served()
    assert served(proof="token")


def test_a_token_adds_five_attempts() -> None:
    """Right passwords count as well: otherwise accounts created for this purpose would fill the
    lane.
    """
    assert [fail(proof="token") for _ in range(6)] == [True] * 5 + [False]
    assert [served("bert", proof="token", address=STRANGE) for _ in range(5)] == [True] * 5
    assert not served("bert", address=HOME, proof="token")


def test_a_log_in_refused_by_a_full_lane_does_not_count_as_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as full:
        full.setattr(hashers, "_queue", [HashQueue(1, {"returning": 0, "open": 0})])
        for _ in range(9):
            assert [served(), served(caller=1), served(proof="token")] == [False] * 3
    assert all(served(proof="token") for _ in range(5))


def test_a_password_is_changed_while_log_ins_are_refused(
    member: Callable[[str], Member],
) -> None:
    anna, shown = member("anna")
    access = log_in(anna, shown).body["access"]
    change = {"current_password": anna.password, "new_password": "a horse of another colour"}
    assert Api(access)("POST", "auth/password/change", change).status == 204
