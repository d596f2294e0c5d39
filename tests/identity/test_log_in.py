"""Log-in: every wrong combination gets the same answer after the same work."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import sleep, thread_time

import pytest
from argon2 import Type, extract_parameters
from django.contrib.auth.hashers import make_password
from django.db import connection

from larder.core import waits
from larder.core.clock import now
from larder.identity.models import Customer, Session
from larder.identity.services import accounts
from tests.conftest import Answer, Api, Person
from tests.identity.conftest import Counted

MakePerson = Callable[..., Person]
PASSWORD = "correct horse"
TRIES = 7


def log_in(username: str, password: str) -> Answer:
    """Asks for a token."""
    return Api()("POST", "auth/token", {"username": username, "password": password})


@pytest.fixture
def wrong(person: MakePerson) -> dict[str, Callable[[], Answer]]:
    """Every kind of wrong log-in."""
    person("anna", PASSWORD)
    person("gone", PASSWORD, is_active=False)
    keyless = person("keyless").customer
    keyless.set_unusable_password()
    keyless.save()
    return {
        "wrong password": lambda: log_in("anna", "wrong horse"),
        "unknown user": lambda: log_in("bert", PASSWORD),
        "deactivated": lambda: log_in("gone", PASSWORD),
        "deactivated and wrong": lambda: log_in("gone", "wrong horse"),
        "no password": lambda: log_in("keyless", PASSWORD),
        "no name": lambda: log_in("", PASSWORD),
    }


def test_every_kind_of_wrong_log_in_gets_the_same_answer(
    wrong: dict[str, Callable[[], Answer]],
) -> None:
    answers = [ask() for ask in wrong.values()]
    assert {answer.status for answer in answers} == {401}
    for answer in answers:
        answer.body.pop("correlation_id")
        assert answer.body == answers[0].body
        assert answer.headers.keys() == answers[0].headers.keys()


def test_every_kind_of_wrong_log_in_costs_one_hash(
    wrong: dict[str, Callable[[], Answer]], hashes: Counted
) -> None:
    counted = {}
    for way, ask in wrong.items():
        before = hashes.begun
        ask()
        counted[way] = hashes.begun - before
    assert set(counted.values()) == {1}, counted


def test_every_kind_of_wrong_log_in_takes_the_same_time(
    real_hashes: None, wrong: dict[str, Callable[[], Answer]]
) -> None:
    """Measures the processor time of this thread, which also hashes: the machine may be busy."""
    taken: dict[str, list[float]] = {way: [] for way in wrong}
    for _ in range(TRIES):
        for way, ask in wrong.items():
            began = thread_time()
            ask()
            taken[way].append(thread_time() - began)
    medians = {way: median(times) for way, times in taken.items()}
    assert max(medians.values()) < 1.5 * min(medians.values()), medians


@pytest.mark.parametrize("name", ["anna müller", "ANNA MULLER ", "Anna Mu\u0308ller"])
def test_the_spelling_of_a_name_does_not_matter(name: str, person: MakePerson) -> None:
    person("Anna Müller", PASSWORD)
    assert log_in(name, PASSWORD).status == 200


def test_a_password_is_the_same_in_every_unicode_form(person: MakePerson) -> None:
    composed, decomposed = "motörhead-1", "moto\u0308rhead-1"
    person("anna", composed)
    assert log_in("anna", decomposed).status == 200


def test_passwords_are_hashed_with_the_parameters_of_the_design(real_hashes: None) -> None:
    encoded = make_password(PASSWORD)
    assert encoded.startswith("argon2")
    parameters = extract_parameters(encoded.removeprefix("argon2"))
    assert (parameters.type, parameters.memory_cost) == (Type.ID, 19 * 1024)
    assert (parameters.time_cost, parameters.parallelism) == (2, 1)


def test_a_log_in_without_a_place_in_the_hash_lane_is_refused_with_retry_after(
    person: MakePerson, hashes: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    person("anna", PASSWORD)
    monkeypatch.setattr(waits, "LONGEST_WAIT", 0.05)
    with hashes:
        answer = log_in("anna", PASSWORD)
    assert (answer.status, answer.body["code"]) == (503, "overloaded")
    assert int(answer.headers["Retry-After"]) > 0
    assert log_in("anna", PASSWORD).status == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda anna: Customer.objects.filter(pk=anna).update(password="argon2$of another"),
        lambda anna: Customer.objects.filter(pk=anna).update(is_active=False),
        lambda anna: accounts.delete_account(anna, now=now()),
    ],
    ids=["password", "deactivation", "deletion"],
)
def test_a_log_in_opens_no_session_if_the_account_changes_meanwhile(
    transactional_db: None,
    person: MakePerson,
    hashes: Counted,
    change: Callable[[int], object],
) -> None:
    anna = person("anna", PASSWORD).customer

    def log_in_elsewhere() -> Answer:
        try:
            return log_in("anna", PASSWORD)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        before = hashes.begun
        with hashes:
            answer = elsewhere.submit(log_in_elsewhere)
            while hashes.begun == before and not answer.done():
                sleep(0.01)
            change(anna.pk)
        assert answer.result().status == 401
    assert Session.objects.count() == 0
