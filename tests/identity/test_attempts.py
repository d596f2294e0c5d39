"""Limits of attempts for an account and an address, and for clients that cannot be locked out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from larder.core.errors import Overloaded
from larder.db import database
from larder.identity.errors import InvalidCredentials
from larder.identity.models import Customer
from larder.identity.services import attempts
from larder.identity.services.attempts import NORMAL, Action, RateLimited, attempt, folded
from tests.conftest import Person

MakePerson = Callable[..., Person]
HOME, STRANGE = "203.0.113.9", "198.51.100.{}"


@pytest.fixture(autouse=True)
def _normal_limits(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time is that of the test's transaction: on a slow machine no attempt comes back."""

    def frozen(execute: Any, statement: str, *context: Any) -> Any:
        return execute(statement.replace("statement_timestamp()", "now()"), *context)

    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    with connection.execute_wrapper(frozen):
        yield


def fail(
    account: str = "anna",
    address: str = HOME,
    action: Action = "log in",
    error: type[Exception] = InvalidCredentials,
) -> bool:
    """Returns whether the attempt was made and failed."""
    try:
        with attempt(action, account=account, address=address):
            raise error(())
    except RateLimited:
        return False
    except error:
        return True


def succeed(
    account: str = "anna", address: str = HOME, action: Action = "log in", *, proven: bool = False
) -> bool:
    with (
        suppress(RateLimited),
        attempt(action, account=account, address=address, is_proven=proven),
    ):
        return True
    return False


def until_refused(once: Callable[[], bool]) -> int:
    return next(number for number in range(2_000) if not once())


def strangers(action: Action = "log in") -> Callable[[], bool]:
    """Returns a function that fails from another address each time."""
    numbers = iter(range(250))
    return lambda: fail(address=STRANGE.format(next(numbers)), action=action)


def pass_(time: timedelta) -> None:
    database.execute("UPDATE rate_limit SET until = until - %s", [time])


def test_ten_wrong_passwords_are_allowed_and_then_one_a_minute() -> None:
    assert until_refused(fail) == 10
    pass_(timedelta(seconds=61))
    assert until_refused(fail) == 1
    pass_(timedelta(minutes=10))
    assert until_refused(fail) == 10


def test_the_right_password_waits_as_long_as_a_wrong_one() -> None:
    """Otherwise the limit would reveal which password is right."""
    until_refused(fail)
    assert not succeed()
    pass_(timedelta(seconds=61))
    assert succeed()


def test_right_passwords_have_a_wide_limit_that_comes_back_in_seconds() -> None:
    """Each costs a hash: an account that logs in without end would delay others."""
    assert until_refused(succeed) == 100
    pass_(timedelta(seconds=31))
    assert until_refused(fail) == 10
    pass_(timedelta(seconds=61))
    names = iter(range(2_000))
    assert until_refused(lambda: succeed(f"customer {next(names)}")) == 300


def test_a_token_has_attempts_that_strangers_cannot_use_up() -> None:
    assert until_refused(strangers()) == 100
    assert not succeed()
    assert succeed(proven=True)


def test_a_stranger_at_one_address_does_not_keep_the_owner_out() -> None:
    assert until_refused(lambda: fail(address=STRANGE.format(1))) == 10
    assert succeed()


def test_a_running_attempt_counts_until_it_succeeds() -> None:
    """Otherwise all guesses within the time of one hash would be accepted."""
    with ExitStack() as at_the_same_time:
        for _ in range(10):
            at_the_same_time.enter_context(attempt("second factor", account="anna", address=HOME))
        assert not succeed(action="second factor")
    assert until_refused(partial(fail, action="second factor")) == 10


@pytest.mark.parametrize("at", [("anna", STRANGE.format(1)), ("ben", HOME)])
def test_a_few_log_ins_of_an_account_or_address_hash_at_once(at: tuple[str, str]) -> None:
    """Others would get no place to hash during the first attempts of an attacker."""
    with ExitStack() as at_the_same_time:
        for _ in range(3):
            at_the_same_time.enter_context(attempt("log in", account="anna", address=HOME))
        with pytest.raises(Overloaded):
            succeed(*at)
        assert succeed("ben", STRANGE.format(1))
    assert succeed(*at)


def test_a_right_password_does_not_reset_the_count_of_wrong_ones() -> None:
    for _ in range(9):
        fail()
    assert succeed()
    assert until_refused(fail) == 1


def test_attempts_from_all_addresses_count_together() -> None:
    assert until_refused(strangers()) == 100
    assert not succeed(address="192.0.2.7")


def test_a_wait_is_at_most_a_minute_after_any_number_of_refusals() -> None:
    guess = strangers()
    for _ in range(200):
        guess()
    pass_(timedelta(seconds=61))
    assert succeed()


def test_an_address_has_sixty_failures_over_all_accounts() -> None:
    names = iter(range(200))
    assert until_refused(lambda: fail(f"customer {next(names)}")) == 60
    assert fail("somebody", STRANGE.format(1))


def test_the_addresses_of_a_network_of_ipv6_count_together() -> None:
    numbers = iter(range(2_000))

    def once() -> bool:
        number = next(numbers)
        return fail(f"customer {number}", f"2001:db8:1:3{number % 256:02x}::1")

    assert until_refused(once) == 60
    assert fail("somebody", "2001:db8:1:400::1")


@pytest.mark.parametrize("action", ["log in", "register", "reset"])
@pytest.mark.parametrize("other", ["ANNA", "\uff41nna", "Anna"])
def test_spellings_of_a_user_name_share_one_limit(other: str, action: Action) -> None:
    until_refused(lambda: fail(action=action))
    assert not fail(other, action=action)
    assert fail("anne", action=action)


def test_unknown_and_impossible_names_are_counted_as_well() -> None:
    for name in ("nobody", "", "\0", "\ud800", "x" * 10_000):
        address = STRANGE.format(len(name) % 7)
        assert until_refused(partial(fail, name, address)) == 10


@pytest.mark.parametrize("error", [Overloaded, ZeroDivisionError])
def test_a_server_error_does_not_count_as_an_attempt(error: type[Exception]) -> None:
    assert all(fail(error=error) for _ in range(100))
    assert until_refused(fail) == 10


def test_a_refused_form_counts_as_a_failure() -> None:
    assert until_refused(lambda: fail(error=ValidationError)) == 10


@pytest.mark.parametrize("action", ["register", "reset"])
def test_successes_count_where_they_are_limited(action: Action) -> None:
    of_account, of_address = (limit.rate.times for limit in NORMAL[action])
    assert until_refused(lambda: succeed(action=action)) == of_account
    names = iter(range(200))
    elsewhere = until_refused(lambda: succeed(f"c {next(names)}", STRANGE.format(1), action))
    assert elsewhere == of_address


def test_refreshes_are_limited_by_account_and_failed_ones_by_address() -> None:
    assert until_refused(lambda: succeed(action="refresh")) == 60
    names = iter(range(500))
    assert all(succeed(f"c {next(names)}", action="refresh") for _ in range(150))
    assert until_refused(lambda: fail(f"c {next(names)}", action="refresh")) == 60


def test_api_versions_have_separate_attempts() -> None:
    for action in NORMAL:
        until_refused(lambda action=action: fail(action=action))  # type: ignore[misc]
    pass_(timedelta(hours=2))
    until_refused(fail)
    assert all(fail(action=action) for action in NORMAL if action != "log in")


def test_cache_keys_reveal_nothing_without_the_secret() -> None:
    fail()
    before = {key for (key,) in database.rows("SELECT key FROM rate_limit")}
    attempts.use(attempts.Setup(secret="another"))
    fail()
    assert len({key for (key,) in database.rows("SELECT key FROM rate_limit")} - before) == 5


def test_an_attempt_costs_one_statement_and_its_return_another(
    django_assert_num_queries: Callable[..., object],
) -> None:
    """A log-in looks up the account with one more statement."""
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        fail(action="confirm")
    with django_assert_num_queries(2):  # type: ignore[attr-defined]
        succeed(action="confirm")
    with django_assert_num_queries(3):  # type: ignore[attr-defined]
        succeed()


def test_names_equal_for_the_database_are_equal_for_the_limits() -> None:
    """An account is found by `lower`: its name in another case gives no further attempts. A letter
    that is newer than this Python is in no email address."""
    letters = database.rows(
        "SELECT chr(code), lower(chr(code)) FROM generate_series(1, 1114111) AS code"
        " WHERE code NOT BETWEEN 55296 AND 57343 AND lower(chr(code)) <> chr(code)"
    )
    assert len(letters) > 1000
    known = [letter for letter in letters if letter[0].isprintable()]
    unchanged = [letter for letter in known if Customer.normalize_username(letter[0]) == letter[0]]
    assert [(a, b) for a, b in unchanged if folded(a) != folded(b)] == []
