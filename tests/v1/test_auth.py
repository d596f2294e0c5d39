"""Registration, log-in and tokens of v1."""

from collections.abc import Callable

import pytest

from tests.conftest import Api, Person
from tests.http.conftest import JudgedApi, token_for

ADA = {"username": "Ada Lovelace", "password": "difference engine"}


def test_a_registration_returns_the_profile_and_the_customer_can_log_in(api: Api, db: None) -> None:
    asked = ADA | {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace"}
    registered = api("POST", "auth/register", asked)
    assert registered.status == 201
    token = api("POST", "auth/token", ADA).body["access"]
    assert JudgedApi(token)("GET", "me").body == registered.body
    assert registered.body | {"id": 0, "public_id": "", "date_joined": ""} == {
        "id": 0,
        "public_id": "",
        "date_joined": "",
        "username": "Ada Lovelace",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "may_order": True,
        "is_staff": False,
        "permissions": [],
    }


def test_a_token_pair_has_the_names_of_the_design_and_is_not_stored_by_caches(
    api: Api, person: Callable[..., Person]
) -> None:
    who = person()
    credentials = {"username": who.customer.username, "password": who.password}
    answer = api("POST", "auth/token", credentials)
    assert answer.body.keys() == {"access", "refresh", "token_type", "expires_in"}
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 300)
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(
    api: Api, person: Callable[..., Person]
) -> None:
    known = person().customer.username
    answers = [
        api("POST", "auth/token", {"username": name, "password": "no"}) for name in (known, "?")
    ]
    first, second = (answer.body | {"correlation_id": ""} for answer in answers)
    assert first == second
    assert (answers[0].status, first["code"]) == (401, "invalid_credentials")


def test_a_refresh_token_gives_a_new_pair_until_it_is_revoked(
    api: Api, person: Callable[..., Person]
) -> None:
    who = person()
    pair = api("POST", "auth/token", {"username": who.customer.username, "password": who.password})
    renewed = api("POST", "auth/token/refresh", {"refresh": pair.body["refresh"]})
    assert renewed.body["refresh"] != pair.body["refresh"]
    assert JudgedApi(renewed.body["access"])("GET", "me").body["id"] == who.id
    revoked = api("POST", "auth/token/revoke", {"refresh": renewed.body["refresh"]})
    assert (revoked.status, revoked.body) == (204, None)
    refused = api("POST", "auth/token/refresh", {"refresh": renewed.body["refresh"]})
    assert (refused.status, refused.body["code"]) == (401, "session_ended")


def test_a_registration_names_the_taken_field(api: Api, person: Callable[..., Person]) -> None:
    person("Grace", email="grace@example.com")
    same_name = {"username": "GRACE", "password": "nanoseconds!"}
    same_email = {"username": "G", "password": "nanoseconds!", "email": "Grace@Example.com"}
    answers = [api("POST", "auth/register", body) for body in (same_name, same_email)]
    assert [(answer.status, answer.body["code"]) for answer in answers] == [
        (409, "username_taken"),
        (409, "email_taken"),
    ]


def test_a_weak_password_and_a_name_too_long_once_normalised_are_named_together(
    api: Api, db: None
) -> None:
    ligature_of_eighteen_letters = "\ufdfa"
    asked = {"username": ligature_of_eighteen_letters * 150, "password": "123"}
    refused = api("POST", "auth/register", asked)
    assert {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]} == {
        ("/username", "too_long"),
        ("/password", "password_too_short"),
        ("/password", "password_too_common"),
        ("/password", "password_entirely_numeric"),
    }


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (
            {"username": "Ada", "email": "x", "password": "123"},
            {
                ("/email", "invalid_format"),
                ("/password", "password_too_short"),
                ("/password", "password_too_common"),
                ("/password", "password_entirely_numeric"),
            },
        ),
        ({"username": "a\u200bb", "password": "ada lovelace"}, {("/username", "invalid_format")}),
        ({"username": [], "password": {}}, {
            ("/username", "wrong_type"), ("/password", "wrong_type"),
        }),
    ],
)  # fmt: skip
def test_every_fault_of_a_registration_is_named_at_once(
    api: Api, db: None, body: dict[str, object], faults: set[tuple[str, str]]
) -> None:
    refused = api("POST", "auth/register", body)
    assert refused.status == 400
    assert {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]} == faults


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic YTpi", "\xff"])
def test_open_operations_ignore_the_authorization_header(api: Api, db: None, header: str) -> None:
    assert api("POST", "auth/register", ADA, Authorization=header).status == 201
    assert api("POST", "auth/token", ADA, Authorization=header).status == 200


def test_the_scheme_token_is_accepted_in_place_of_bearer(
    api: Api, person: Callable[..., Person]
) -> None:
    who = person()
    answers = [
        api("GET", "me", Authorization=f"{word} {token_for(who)}")
        for word in ("Bearer", "Token", "bearer", "TOKEN")
    ]
    assert [answer.status for answer in answers] == [200] * 4


def test_an_unchanged_profile_is_answered_with_304(customer: Api) -> None:
    tag = customer("GET", "me").headers["ETag"]
    again = customer("GET", "me", If_None_Match=tag)
    assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)


OF_CUSTOMERS = ["me", "products", "products/1", "categories", "categories/1", "orders"]
PLACES = [*OF_CUSTOMERS, "stock?products=1", "orders/01890a5d-ac96-774b-bcce-b302099a8057"]


@pytest.mark.parametrize("path", PLACES)
def test_every_operation_except_the_public_ones_needs_a_token(
    api: Api, db: None, path: str
) -> None:
    refused = api("GET", path)
    assert (refused.status, refused.body["code"]) == (401, "not_authenticated")
