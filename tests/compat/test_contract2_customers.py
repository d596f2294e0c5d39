"""Contract 2: customers, for staff and for themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.identity.models import Customer, EmailChange
from larder.notifications.models import Mail
from tests.compat.conftest import ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.server import Server

pytestmark = pytest.mark.system

CUSTOMERS = "/api/identity/customers/"
MakePerson = Callable[..., Person]


@pytest.fixture
def keeper(keeper: ApiClient) -> Documented:
    return Documented("2", keeper)


@pytest.fixture
def mary(transactional_db: None, person: MakePerson) -> Person:
    return person("mary", email="mary@example.org", first_name="Mary", last_name="Hill")


@pytest.fixture
def shopper(mary: Person, client_of: Callable[[Person], ApiClient]) -> Documented:
    """A client as Mary."""
    return Documented("2", client_of(mary))


def at(who: Person) -> str:
    return f"{CUSTOMERS}{who.id}/"


def test_a_customer_is_shown_with_all_fields(
    shopper: Documented, mary: Person, running: Server
) -> None:
    reply = shopper("GET", at(mary))
    assert (reply.status, reply.body) == (
        200,
        {
            "id": mary.id,
            "username": "mary",
            "first_name": "Mary",
            "last_name": "Hill",
            "email": "mary@example.org",
            "url": f"http://127.0.0.1:{running.port}{at(mary)}",
            "public_id": str(mary.customer.public_id),
        },
    )


def test_staff_list_all_users_by_id_in_pages_of_ten(
    keeper: Documented, person: MakePerson, running: Server
) -> None:
    for _ in range(11):
        person()
    first = keeper("GET", CUSTOMERS).body
    ids = list(Customer.objects.order_by("id").values_list("id", flat=True))
    here = f"http://127.0.0.1:{running.port}{CUSTOMERS}"
    assert (first["count"], first["previous"]) == (12, None)
    assert first["next"] == f"{here}?limit=10&offset=10"
    assert [one["id"] for one in first["results"]] == ids[:10]
    second = keeper("GET", f"{CUSTOMERS}?limit=10&offset=10").body
    assert (second["next"], second["previous"]) == (None, f"{here}?limit=10")
    assert [one["id"] for one in second["results"]] == ids[10:]
    some = keeper("GET", f"{CUSTOMERS}?limit=2&offset=3").body
    assert [one["id"] for one in some["results"]] == ids[3:5]


def test_a_customer_lists_only_their_own_user(
    shopper: Documented, keeper: Documented, mary: Person
) -> None:
    reply = shopper("GET", CUSTOMERS)
    assert reply.status == 200
    assert (reply.body["count"], reply.body["next"], reply.body["previous"]) == (1, None, None)
    assert [one["id"] for one in reply.body["results"]] == [mary.id]
    beyond = shopper("GET", f"{CUSTOMERS}?offset=1").body
    assert (beyond["count"], beyond["results"]) == (1, [])


def test_staff_create_customers(keeper: Documented, anyone: ApiClient) -> None:
    sent = {"username": "joe", "email": "joe@example.org", "first_name": "Joe", "last_name": "B"}
    reply = keeper("POST", CUSTOMERS, sent | {"password": "correct horse"})
    assert reply.status == 201
    assert {name: reply.body[name] for name in sent} == sent
    assert reply.headers["location"] == reply.body["url"]
    assert sorted(reply.body) == sorted([*sent, "id", "url", "public_id"])
    credentials = {"username": "joe", "password": "correct horse"}
    assert anyone("POST", "/api/identity/token/", credentials).status == 200


def test_a_customer_made_without_a_password_cannot_log_in(
    keeper: Documented, anyone: ApiClient
) -> None:
    reply = keeper("POST", CUSTOMERS, {"username": "joe"})
    assert (reply.status, reply.body["email"], reply.body["first_name"]) == (201, "", "")
    customer = Customer.objects.get(pk=reply.body["id"])
    assert not customer.has_usable_password()
    assert customer.may_order
    for password in ("", "!", "None"):
        credentials = {"username": "joe", "password": password}
        assert anyone("POST", "/api/identity/token/", credentials).status in {400, 401}


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"username": ["This field is required."]}),
        ({"username": "MARY"}, {"username": ["A user with that username already exists."]}),
        (
            {"username": "x", "email": "MARY@example.org"},
            {"email": ["This field must be unique."]},
        ),
        ({"username": "x", "email": "x"}, {"email": ["Enter a valid email address."]}),
        (
            {"username": "mary", "email": "x"},
            {
                "username": ["A user with that username already exists."],
                "email": ["Enter a valid email address."],
            },
        ),
        ({"username": "x", "password": ""}, {"password": ["This field may not be blank."]}),
        (
            {"username": "x", "password": "12345678"},
            {"password": ["This password is too common.", "This password is entirely numeric."]},
        ),
    ],
)
def test_a_faulty_new_customer_is_refused_with_its_faults(
    body: dict[str, Any], faults: dict[str, Any], keeper: Documented, mary: Person
) -> None:
    before = Customer.objects.count()
    reply = keeper("POST", CUSTOMERS, body)
    assert (reply.status, reply.body) == (400, faults)
    assert Customer.objects.count() == before


@pytest.mark.parametrize("body", [{"username": "x"}, {}])
def test_customers_cannot_create_users(body: dict[str, str], shopper: Documented) -> None:
    reply = shopper("POST", CUSTOMERS, body)
    assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert Customer.objects.count() == 1


def test_users_are_not_created_without_credentials(keeper: Documented) -> None:
    rights = {"is_staff": True, "is_superuser": True, "is_active": False}
    made = keeper("POST", CUSTOMERS, {"username": "joe", **rights}).body["id"]
    customer = Customer.objects.get(pk=made)
    assert (customer.is_staff, customer.is_superuser, customer.is_active) == (False, False, True)


@pytest.mark.parametrize("client", ["shopper", "keeper"])
def test_put_changes_only_the_given_fields(
    client: str, mary: Person, request: pytest.FixtureRequest
) -> None:
    as_client: Documented = request.getfixturevalue(client)
    reply = as_client("PUT", at(mary), {"username": "Mary", "first_name": ""})
    assert reply.status == 200
    found = {name: reply.body[name] for name in ("username", "first_name", "last_name", "email")}
    assert found == {
        "username": "Mary",
        "first_name": "",
        "last_name": "Hill",
        "email": "mary@example.org",
    }
    assert as_client("GET", at(mary)).body == reply.body


@pytest.mark.parametrize("client", ["shopper", "keeper"])
def test_patch_changes_one_field(client: str, mary: Person, request: pytest.FixtureRequest) -> None:
    reply = request.getfixturevalue(client)("PATCH", at(mary), {"email": ""})
    assert (reply.status, reply.body["email"], reply.body["username"]) == (200, "", "mary")
    assert request.getfixturevalue(client)("PATCH", at(mary), {}).status == 200


def test_put_needs_the_username(shopper: Documented, mary: Person) -> None:
    reply = shopper("PUT", at(mary), {"first_name": "M"})
    assert (reply.status, reply.body) == (400, {"username": ["This field is required."]})


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_fields_of_a_customer_are_ignored(
    method: str, shopper: Documented, mary: Person, anyone: ApiClient
) -> None:
    more = {"id": 9, "public_id": "x", "url": "x", "is_staff": True, "is_superuser": True}
    passwords = {"password": "another horse", "password2": "unequal", "unknown": [1]}
    before = shopper("GET", at(mary)).body
    reply = shopper(method, at(mary), {"username": "mary", **more, **passwords})
    assert (reply.status, reply.body) == (200, before)
    customer = Customer.objects.get(pk=mary.id)
    assert (customer.is_staff, customer.is_superuser) == (False, False)
    assert customer.check_password(mary.password)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_taken_name_or_address_is_refused(
    method: str, shopper: Documented, mary: Person, person: MakePerson
) -> None:
    person("joe", email="joe@example.org")
    reply = shopper(method, at(mary), {"username": "JOE"})
    sentence = "A user with that username already exists."
    assert (reply.status, reply.body) == (400, {"username": [sentence]})
    reply = shopper(method, at(mary), {"username": "mary", "email": "joe@example.org"})
    assert (reply.status, reply.body) == (400, {"email": ["This field must be unique."]})
    reply = shopper(method, at(mary), {"username": "joe", "email": "joe@example.org"})
    unique = {"email": ["This field must be unique."]}
    assert (reply.status, reply.body) == (400, {"username": [sentence]} | unique)
    reply = shopper(method, at(mary), {"username": "joe", "email": "joe"})
    assert (reply.status, sorted(reply.body)) == (400, ["email", "username"])
    assert reply.body["username"] == [sentence]
    own = {"username": "joe", "email": "mary@example.org"}
    assert shopper(method, at(mary), own).body == {"username": [sentence]}


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [{"username": "taken over"}, {"username": None}])
def test_another_user_is_not_found(
    method: str, body: dict[str, Any], shopper: Documented, person: MakePerson
) -> None:
    joe = person("joe")
    reply = shopper(method, at(joe), None if method in {"GET", "DELETE"} else body)
    assert (reply.status, list(reply.body)) == (404, ["detail"])
    assert Customer.objects.get(pk=joe.id).username == "joe"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("unknown", [0, 987654321, 2**63, 10**30])
def test_an_unknown_user_is_404_for_staff_too(
    method: str, unknown: int, keeper: Documented
) -> None:
    body = None if method in {"GET", "DELETE"} else {"username": "x"}
    assert keeper(method, f"{CUSTOMERS}{unknown}/", body).status == 404


def test_deleting_an_account_keeps_its_orders_and_ends_its_tokens(
    shopper: Documented, keeper: Documented, mary: Person, product: Callable[..., int]
) -> None:
    jam = product(stock=5)
    public_id = shopper("GET", f"/api/catalog/products/{jam}/").body["public_id"]
    placed = shopper("POST", "/api/orders/orders/", {"order_items": [{"product": public_id}]})
    assert placed.status == 201
    reply = shopper("DELETE", at(mary))
    assert (reply.status, reply.body) == (204, b"")
    assert shopper("GET", at(mary)).status == 401
    assert keeper("GET", at(mary)).status == 404
    assert keeper("DELETE", at(mary)).status == 404
    assert keeper("GET", CUSTOMERS).body["count"] == 1
    order = keeper("GET", f"/api/v1/orders/{placed.body['public_id']}")
    assert order.status == 200


def test_staff_delete_a_customer(keeper: Documented, mary: Person) -> None:
    assert keeper("DELETE", at(mary)).status == 204
    assert keeper("DELETE", at(mary)).status == 404
    customer = Customer.objects.get(pk=mary.id)
    assert (customer.is_active, customer.email, customer.username != "mary") == (False, "", True)


@pytest.mark.parametrize("client", ["shopper", "keeper"])
def test_a_changed_address_is_mailed_to_the_former_one(
    request: pytest.FixtureRequest, client: str, mary: Person
) -> None:
    who = request.getfixturevalue(client)
    for address in ("mary@example.org", "new@example.org"):
        assert who("PATCH", at(mary), {"email": address}).status == 200
    assert [one.former for one in EmailChange.objects.all()] == ["mary@example.org"]
    assert [one.kind for one in Mail.objects.all()] == ["email_changed"]
