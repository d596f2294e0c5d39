"""Contract 3: users change their names and delete their accounts, as staff can."""

from collections.abc import Callable
from functools import partial

import pytest

from larder.db import database
from tests.compat.conftest import assert_books_balance
from tests.compat.contract3 import (
    FORBIDDEN,
    TAKEN,
    UNKNOWN,
    As,
    Client,
    MakePerson,
    log_in,
    names,
    own_path,
)


@pytest.mark.parametrize("end", ["", "/"])
def test_put_changes_the_name_and_returns_the_old_one(
    end: str, person: MakePerson, client_of: As, keeper: Client, anyone: Client
) -> None:
    who = person("Old Name")
    mine = client_of(who)
    answer = mine("PUT", own_path(who) + end, {"name": "New Name", "is_staff": True})
    assert answer.status == 200
    assert answer.body == {"user Old Name has been updated": "New Name"}
    assert mine("GET", own_path(who)).body == {"user is": "New Name"}
    assert "New Name" in names(keeper)
    assert mine("GET", "/api/user/").status == 403
    assert log_in(anyone, "New Name", who.password) == 200
    assert log_in(anyone, "Old Name", who.password) == 401


def test_tokens_stay_valid_after_a_change_of_the_name(person: MakePerson, anyone: Client) -> None:
    who = person("Old Name")
    credentials = {"name": "Old Name", "password": who.password}
    pair = anyone("POST", "/api/token/", credentials).body
    bearer = f"Bearer {pair['access']}"
    renamed = anyone("PUT", own_path(who), {"name": "New Name"}, Authorization=bearer)
    assert renamed.status == 200
    assert anyone("GET", own_path(who), Authorization=bearer).body == {"user is": "New Name"}
    refreshed = anyone("POST", "/api/token/refresh/", {"refresh": pair["refresh"]})
    assert refreshed.status == 200


def test_patch_changes_the_name_and_returns_no_body(person: MakePerson, client_of: As) -> None:
    who = person("Old Name")
    answer = client_of(who)("PATCH", own_path(who), {"name": "New Name"})
    assert (answer.status, answer.body) == (200, {})
    assert client_of(who)("GET", own_path(who)).body == {"user is": "New Name"}


@pytest.mark.parametrize("name", ["old NAME", "Old Name", " Old Name "])
def test_an_account_can_be_saved_with_its_own_name(
    name: str, person: MakePerson, client_of: As
) -> None:
    who = person("Old Name")
    answer = client_of(who)("PUT", own_path(who), {"name": name})
    assert (answer.status, answer.body) == (
        200,
        {"user Old Name has been updated": name.strip()},
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": "ANN"}, TAKEN["name"][0]),
        ({"name": " Ann "}, TAKEN["name"][0]),
        ({"name": "  "}, "This field may not be blank."),
        ({"name": None}, "This field may not be null."),
        ({"name": 12}, "Not a valid string."),
        ({"name": "n" * 101}, "Ensure this field has no more than 100 characters."),
        ({"username": "New Name"}, "This field is required."),
        ({}, "This field is required."),
    ],
)
def test_a_refused_name_keeps_the_old_one(
    method: str, body: object, sentence: str, person: MakePerson, client_of: As
) -> None:
    person("Ann")
    who = person("Old Name")
    answer = client_of(who)(method, own_path(who), body)
    assert (answer.status, answer.body) == (400, {"name": [sentence]})
    assert client_of(who)("GET", own_path(who)).body == {"user is": "Old Name"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_staff_cannot_rename_other_accounts(
    method: str, person: MakePerson, keeper: Client
) -> None:
    who = person("Old Name")
    answer = keeper(method, own_path(who), {"name": "New Name"})
    assert (answer.status, answer.body) == (403, FORBIDDEN)
    assert names(keeper)[-1] == "Old Name"


def test_a_former_name_can_be_used_again(person: MakePerson, client_of: As, anyone: Client) -> None:
    who = person("Ann")
    assert client_of(who)("PUT", own_path(who), {"name": "Anna"}).status == 200
    body = {"name": "Ann", "password": "a rather good one"}
    assert anyone("POST", "/api/register/", body).status == 201


def test_an_account_can_delete_itself_and_its_orders_are_kept(
    person: MakePerson, anyone: Client, keeper: Client, product: Callable[..., int]
) -> None:
    who, jam = person("Ann Gone"), product(stock=5)
    credentials = {"name": "Ann Gone", "password": who.password}
    pair = anyone("POST", "/api/token/", credentials).body
    key = anyone("POST", "/auth/", {"username": "Ann Gone", "password": who.password}).body["token"]
    mine = partial(anyone, Authorization=f"Bearer {pair['access']}")
    order = {"products": [{"id": jam, "quantity": 2}]}
    assert mine("POST", "/api/order/", order).status == 201

    answer = mine("DELETE", own_path(who))
    assert (answer.status, answer.body) == (200, "User Ann Gone has been deleted")

    for credential in (f"Bearer {pair['access']}", f"Token {key}"):
        assert anyone("GET", "/api/order/", Authorization=credential).status == 401
        assert anyone("POST", "/api/order/", order, Authorization=credential).status == 401
    assert anyone("POST", "/api/token/refresh/", {"refresh": pair["refresh"]}).status == 401
    assert anyone("POST", "/api/token/", credentials).status == 401
    assert len(names(keeper)) == 1
    for method in ("GET", "PUT", "DELETE"):
        gone = keeper(method, own_path(who), {"name": "New"})
        assert (gone.status, gone.body) == (404, UNKNOWN)
    assert keeper("GET", f"/api/product/{jam}").body["stock"] == 3
    assert database.rows("SELECT quantity FROM order_line", []) == [(2,)]
    assert_books_balance()


@pytest.mark.parametrize("end", ["", "/"])
def test_staff_delete_users(end: str, person: MakePerson, client_of: As, keeper: Client) -> None:
    who = person("Ann")
    mine = client_of(who)
    answer = keeper("DELETE", own_path(who) + end)
    assert (answer.status, answer.body) == (200, "User Ann has been deleted")
    assert answer.headers["content-type"] == "application/json"
    assert mine("GET", own_path(who)).status == 401
    assert len(names(keeper)) == 1


def test_the_name_of_a_deleted_user_can_be_used_again(
    person: MakePerson, client_of: As, anyone: Client, keeper: Client
) -> None:
    who = person("Ann")
    assert client_of(who)("DELETE", own_path(who)).status == 200
    body = {"name": "ann", "password": "a rather good one"}
    assert anyone("POST", "/api/register/", body).status == 201
    assert log_in(anyone, "Ann", "a rather good one") == 200
    assert log_in(anyone, "Ann", who.password) == 401
    assert names(keeper)[-1] == "ann"
