"""Contract 3: registering, the list of all users, and one user as others see and change them."""

import pytest

from tests.compat.conftest import ALL, ApiClient
from tests.compat.contract3 import (
    FORBIDDEN,
    GOOD,
    As,
    Client,
    MakePerson,
    names,
    own_path,
    public_id,
)
from tests.server import Reply, Server


def register(anyone: Client, name: object, password: object = GOOD) -> Reply:
    return anyone("POST", "/api/register/", {"name": name, "password": password})


def test_a_registration_has_an_empty_answer_and_the_account_can_log_in(
    anyone: Client, keeper: Client
) -> None:
    answer = register(anyone, "Ann of the Shop")
    assert (answer.status, answer.body) == (201, {})
    assert names(keeper)[-1] == "Ann of the Shop"
    pair = anyone("POST", "/api/token/", {"name": "ann of THE shop", "password": GOOD})
    assert (pair.status, set(pair.body)) == (200, {"refresh", "access"})
    fresh = anyone("POST", "/api/token/refresh/", {"refresh": pair.body["refresh"]})
    assert (fresh.status, set(fresh.body)) == (200, {"access"})
    bearer = f"Bearer {fresh.body['access']}"
    assert anyone("GET", "/api/order/", Authorization=bearer).status == 200


def test_no_field_of_a_registration_makes_an_account_staff(anyone: Client) -> None:
    body = {"name": "Eve", "password": GOOD, "is_staff": True, "is_superuser": True, "id": 1}
    assert anyone("POST", "/api/register/", body, Authorization="Bearer nonsense").status == 201
    access = anyone("POST", "/api/token/", {"name": "Eve", "password": GOOD}).body["access"]
    listed = anyone("GET", "/api/user/", Authorization=f"Bearer {access}")
    assert (listed.status, listed.body) == (403, FORBIDDEN)


def test_an_invisible_character_is_a_fault_of_the_name(
    anyone: Client, person: MakePerson, client_of: As
) -> None:
    faults = {"name": ["Control and invisible characters are not allowed."]}
    assert register(anyone, "A\u202enn").body == faults
    weak = register(anyone, "A\u202enn", "12345678")
    assert (weak.status, sorted(weak.body)) == (400, ["name", "password"])
    who = person("Bob")
    for method in ("PUT", "PATCH"):
        refused = client_of(who)(method, own_path(who), {"name": "B\u202eob"})
        assert (refused.status, refused.body) == (400, faults)


@pytest.mark.system
def test_a_closed_registration_is_refused_with_the_reason(transactional_db: None) -> None:
    closed = {"COMPAT": ALL, "REGISTRATION": "closed"}
    with Server(workers=1, environment=closed) as server:
        answer = register(ApiClient(server), "Ann")
    assert (answer.status, list(answer.body)) == (403, ["detail"])


def test_a_user_is_found_by_every_spelling_of_the_id(
    person: MakePerson, client_of: As, keeper: Client
) -> None:
    who = person("Ann Other")
    for client in (client_of(who), keeper):
        for form in (public_id(who).hex, str(public_id(who))):
            for written in (form, form.upper(), f"{form}/", f"{form.upper()}/"):
                answer = client("GET", f"/api/user/{written}")
                assert (answer.status, answer.body) == (200, {"user is": "Ann Other"})
