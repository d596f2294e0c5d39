"""What registration reveals of other accounts, and its limit."""

from collections.abc import Callable, Iterator
from itertools import count
from time import monotonic
from typing import Any

import pytest

from larder.identity.services import attempts
from tests.conftest import Answer, Api, Person
from tests.http.conftest import token_for

KNOWN = "anna@example.com"
PASSWORD = "a rather good one"
OF_A_NAME, PER_HOUR = (limit.rate.times for limit in attempts.NORMAL["register"])
CHANGES = attempts.NORMAL["profile"][0].rate.times


@pytest.fixture(autouse=True)
def _normal_limits(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(secret="a secret of this test")])
    return iter(())


def register(username: str, **more: str) -> Answer:
    return Api()("POST", "auth/register", {"username": username, "password": PASSWORD} | more)


def test_email_addresses_can_be_tested_sixty_times_from_one_network_address() -> None:
    assert PER_HOUR == 60
    assert register("anna", email=KNOWN).status == 201
    began, names = monotonic(), (f"name-{number}" for number in count())
    answers = [register(next(names), email=KNOWN)]
    while answers[-1].status == 409 and len(answers) < 2 * PER_HOUR:
        answers.append(register(next(names), email=KNOWN))
    tested = len(answers) - 1
    # The registration of Anna was the first attempt; one comes back each minute.
    assert PER_HOUR - 1 <= tested <= PER_HOUR + (monotonic() - began) / 60
    assert answers[-1].body["code"] == "throttled"
    assert register("somebody", email="new@example.com").body["code"] == "throttled"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"username": "ANNA", "email": "new@example.com"}, "username_taken"),
        ({"username": "bert", "email": KNOWN}, "email_taken"),
        ({"username": "anna", "email": KNOWN}, "username_taken"),
    ],
)
def test_a_refusal_reveals_nothing_of_the_account_but_the_taken_field(
    asked: dict[str, str], code: str
) -> None:
    registered = register("anna", email=KNOWN, first_name="Annabel", last_name="Byron")
    refused = register(**asked)
    assert (refused.status, refused.body["code"]) == (409, code)
    said = str(refused.body) + str(dict(refused.headers))
    for secret in ("Annabel", "Byron", registered.body["public_id"]):
        assert secret not in said


def test_a_closed_registration_answers_the_same_for_taken_and_free_names(settings: Any) -> None:
    assert register("anna", email=KNOWN).status == 201
    settings.REGISTRATION = "closed"
    taken, free = register("anna", email=KNOWN), register("bert", email="new@example.com")
    assert (taken.status, taken.body["code"]) == (403, "registration_closed")
    assert comparable(taken) == comparable(free)


def test_a_weak_password_is_refused_the_same_for_taken_and_free_names() -> None:
    assert register("anna", email=KNOWN).status == 201
    taken, free = (register(name, email=KNOWN, password="12345678") for name in ("anna", "bert"))
    assert taken.status == 400
    assert comparable(taken) == comparable(free)


def comparable(answer: Answer) -> dict[str, Any]:
    """The body without the id of the request."""
    return {name: value for name, value in answer.body.items() if "id" not in name.split("_")}


FAULTY = {
    2: ("/api/identity/register/", {"email": KNOWN, "password": PASSWORD, "password2": "another"}),
    3: ("/api/register/", {}),
}
"""Registrations of the earlier contracts with another fault than a taken name."""


@pytest.mark.parametrize("contract", FAULTY)
def test_a_faulty_registration_with_a_taken_field_counts_as_an_attempt(
    contract: int, settings: Any
) -> None:
    settings.ROOT_URLCONF = f"larder.compat.contract{contract}"
    path, body = FAULTY[contract]
    answers = [Api()("POST", path, body | {"username": "anna", "name": "anna"}) for _ in range(12)]
    assert [answer.status for answer in answers] == [400] * OF_A_NAME + [429] * (12 - OF_A_NAME)


def test_a_faulty_profile_change_with_a_taken_field_counts_as_an_attempt(
    person: Callable[..., Person], settings: Any
) -> None:
    who = person()
    client = Api(token_for(who))
    settings.ROOT_URLCONF = "larder.compat.contract2"
    body = {"email": KNOWN, "first_name": "x" * 1_000}
    path = f"/api/identity/customers/{who.id}/"
    answers = [client("PATCH", path, body).status for _ in range(12)]
    assert answers == [400] * CHANGES + [429] * (12 - CHANGES)


@pytest.fixture
def own(person: Callable[..., Person], settings: Any) -> Callable[[int], Callable[..., Answer]]:
    """Changes the own account at v1 (1) or at a contract: `own(2)(username="free")`."""
    who = person()
    client = Api(token_for(who))
    public_id = who.customer.public_id.hex
    paths = {1: "me", 2: f"/api/identity/customers/{who.id}/", 3: f"/api/user/{public_id}"}

    def at(contract: int) -> Callable[..., Answer]:
        if contract > 1:
            settings.ROOT_URLCONF = f"larder.compat.contract{contract}"

        def change(username: str, **more: str) -> Answer:
            name = "name" if contract == 3 else "username"
            return client("PATCH", paths[contract], {name: username} | more)

        return change

    return at


@pytest.mark.parametrize("contract", [1, 2, 3])
def test_free_names_cannot_be_tested_by_changing_to_them(
    own: Callable[[int], Callable[..., Answer]], person: Callable[..., Person], contract: int
) -> None:
    """Each success reveals that no account has the name, which the client then changes again."""
    change, taken = own(contract), person().customer.username
    names = [f"free-{number}" for number in range(9)] + [taken, "free-10", "free-11"]
    answers = [change(username=name).status for name in names]
    refused = 409 if contract == 1 else 400
    assert answers == [200] * 9 + [refused] + [429] * 2


@pytest.mark.parametrize("contract", [1, 2])
def test_tests_of_addresses_and_names_count_together(
    own: Callable[[int], Callable[..., Answer]], contract: int
) -> None:
    change = own(contract)
    for number in range(CHANGES // 2):
        assert change(username=f"free-{number}").status == 200
        assert change(username=f"free-{number}", email=f"{number}@example.com").status == 200
    assert change(username="free-4", email="other@example.com").status == 429


@pytest.mark.parametrize("contract", [1, 2, 3])
def test_the_current_name_and_address_can_be_sent_without_limit(
    own: Callable[[int], Callable[..., Answer]], contract: int
) -> None:
    change = own(contract)
    assert change(username="anna").status == 200
    names = {} if contract == 3 else {"email": "anna@example.com"}
    assert change(username="anna", **names).status == 200
    assert {change(username="anna", **names).status for _ in range(2 * CHANGES)} == {200}


def test_staff_who_can_list_all_accounts_rename_many(
    person: Callable[..., Person], settings: Any
) -> None:
    client = Api(token_for(person(is_staff=True, is_superuser=True)))
    settings.ROOT_URLCONF = "larder.compat.contract2"
    path = f"/api/identity/customers/{person().id}/"
    answers = [client("PATCH", path, {"username": f"n-{number}"}).status for number in range(12)]
    assert answers == [200] * 12
