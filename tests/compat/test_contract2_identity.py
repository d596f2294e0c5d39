"""Contract 2: registering, and its tokens."""

from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from larder.identity.models import Customer
from tests.compat.conftest import ALL, ApiClient
from tests.compat.documented import Documented
from tests.conftest import Person
from tests.server import Reply, Server

REGISTER = "/api/identity/register/"
TOKEN = "/api/identity/token/"
REFRESH = "/api/identity/token/refresh/"
VERIFY = "/api/identity/token/verify/"
MARY = {
    "username": "mary",
    "email": "mary@example.org",
    "password": "correct horse",
    "password2": "correct horse",
}
REQUIRED = ["This field is required."]


@pytest.fixture
def anyone(anyone: ApiClient) -> Documented:
    return Documented("2", anyone)


def claims(token: str) -> dict[str, Any]:
    """Returns the claims of a token, read as its clients do."""
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def log_in(anyone: Documented, who: Person, path: str = TOKEN) -> Reply:
    return anyone("POST", path, {"username": who.customer.username, "password": who.password})


def test_a_registration_creates_a_customer_who_can_log_in_and_order(anyone: Documented) -> None:
    reply = anyone("POST", REGISTER, MARY)
    assert (reply.status, reply.body) == (201, {"username": "mary", "email": "mary@example.org"})
    customer = Customer.objects.get()
    assert (customer.username, customer.email, customer.may_order) == ("mary", MARY["email"], True)
    reply = anyone("POST", TOKEN, {"username": "MARY", "password": "correct horse"})
    assert reply.status == 200


def test_a_registration_accepts_forms_and_ignores_credentials(anyone: Documented) -> None:
    reply = anyone("POST", REGISTER, form=MARY, Authorization="Bearer none")
    assert reply.status == 201


@pytest.mark.parametrize("name", MARY)
def test_every_field_of_a_registration_is_required(name: str, anyone: Documented) -> None:
    reply = anyone("POST", REGISTER, {key: MARY[key] for key in MARY if key != name})
    assert (reply.status, reply.body) == (400, {name: REQUIRED})
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"password2": "correct hors"}, {"password": ["Password fields didn't match."]}),
        ({"email": "mary"}, {"email": ["Enter a valid email address."]}),
        ({"email": ""}, {"email": ["This field may not be blank."]}),
        ({"username": ""}, {"username": ["This field may not be blank."]}),
        ({"username": 5}, {"username": ["Not a valid string."]}),
        ({"username": None}, {"username": ["This field may not be null."]}),
        ({"username": "a\0"}, {"username": ["Null characters are not allowed."]}),
        (
            {"username": "m" * 151},
            {"username": ["Ensure this field has no more than 150 characters."]},
        ),
        (
            {"password": "12345678", "password2": "12345678"},
            {"password": ["This password is too common.", "This password is entirely numeric."]},
        ),
        (
            {"password": "mary@example.org", "password2": "mary@example.org"},
            {"password": ["The password is too similar to the email."]},
        ),
    ],
)
def test_a_faulty_registration_is_refused(
    changed: dict[str, Any], faults: dict[str, list[str]], anyone: Documented
) -> None:
    reply = anyone("POST", REGISTER, MARY | changed)
    assert (reply.status, reply.body) == (400, faults)
    assert not Customer.objects.exists()


def test_a_weak_password_and_taken_fields_are_named_together(
    anyone: Documented, person: Callable[..., Any]
) -> None:
    person("mary", email="mary@example.org")
    weak = {"password": "12345678", "password2": "12345678"}
    reply = anyone("POST", REGISTER, MARY | weak)
    assert (reply.status, sorted(reply.body)) == (400, ["email", "password", "username"])
    assert reply.body["username"] == ["A user with that username already exists."]
    assert len(reply.body["password"]) == 2


@pytest.mark.parametrize(
    ("changed", "also"),
    [
        ({"email": "mary"}, ["email"]),
        ({"password2": "correct hors"}, ["email", "password"]),
        ({"password": None, "password2": None}, ["email", "password", "password2"]),
        ({"password2": 7, "email": None}, ["email", "password2"]),
    ],
)
def test_other_faults_do_not_hide_a_taken_name(
    changed: dict[str, Any],
    also: list[str],
    anyone: Documented,
    person: Callable[..., Any],
) -> None:
    person("mary", email="mary@example.org")
    reply = anyone("POST", REGISTER, MARY | changed)
    assert (reply.status, sorted(reply.body)) == (400, [*also, "username"])
    assert reply.body["username"] == ["A user with that username already exists."]


@pytest.mark.parametrize(
    ("username", "email", "taken"),
    [
        ("MARY", "other@example.org", ["username"]),
        ("other", "Mary@Example.org", ["email"]),
        ("mary", "mary@example.org", ["email", "username"]),
    ],
)
def test_a_taken_name_and_a_taken_address_are_named_together(
    username: str, email: str, taken: list[str], anyone: Documented
) -> None:
    assert anyone("POST", REGISTER, MARY).status == 201
    reply = anyone("POST", REGISTER, MARY | {"username": username, "email": email})
    sentences = {
        "username": ["A user with that username already exists."],
        "email": ["This field must be unique."],
    }
    assert (reply.status, reply.body) == (400, {name: sentences[name] for name in taken})
    assert Customer.objects.count() == 1


def test_other_fields_of_a_registration_are_ignored(anyone: Documented) -> None:
    more = {"is_staff": True, "is_superuser": True, "id": 900, "first_name": "M", "public_id": "x"}
    assert anyone("POST", REGISTER, MARY | more).status == 201
    customer = Customer.objects.get()
    assert (customer.is_staff, customer.is_superuser, customer.first_name) == (False, False, "")
    assert customer.pk != 900


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Callable[[str], Documented]]:
    """A shop with another way of registering: `shop("closed")`."""
    servers: list[Server] = []

    def start(registration: str) -> Documented:
        server = Server(workers=1, environment={"COMPAT": ALL, "REGISTRATION": registration})
        servers.append(server.__enter__())
        return Documented("2", ApiClient(server))

    yield start
    for server in servers:
        server.__exit__()


@pytest.mark.system
def test_a_closed_registration_is_refused(shop: Callable[[str], Documented]) -> None:
    reply = shop("closed")("POST", REGISTER, MARY)
    assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert not Customer.objects.exists()


@pytest.mark.system
def test_a_registration_that_needs_approval_may_not_order(
    shop: Callable[[str], Documented], product: Callable[..., int]
) -> None:
    anyone = shop("approval")
    assert anyone("POST", REGISTER, MARY).status == 201
    assert not Customer.objects.get().may_order
    product()
    token = anyone("POST", TOKEN, MARY).body["access"]
    bearer = {"Authorization": f"Bearer {token}"}
    jam = anyone("GET", "/api/catalog/products/", **bearer).body["results"][0]["public_id"]
    items = {"order_items": [{"product": jam}]}
    reply = anyone("POST", "/api/orders/orders/", items, **bearer)
    assert (reply.status, list(reply.body)) == (403, ["detail"])


@pytest.mark.parametrize("rights", [{}, {"is_staff": True, "is_superuser": True}])
def test_tokens_have_the_claims_of_their_account(
    rights: dict[str, bool], anyone: Documented, person: Callable[..., Person]
) -> None:
    mary = person("mary", email="mary@example.org", **rights)
    reply = log_in(anyone, mary)
    assert (reply.status, sorted(reply.body)) == (200, ["access", "refresh"])
    assert reply.headers["cache-control"] == "private, no-store"
    access, refresh = claims(reply.body["access"]), claims(reply.body["refresh"])
    for said in (access, refresh):
        assert said["email"] == "mary@example.org"
        assert said["public_id"] == str(mary.customer.public_id)
        assert said["user_id"] == mary.id
    assert (access["token_type"], access["exp"] - access["iat"]) == ("access", 20 * 60)
    assert (refresh["token_type"], refresh["exp"] - refresh["iat"]) == ("refresh", 30 * 24 * 3600)


def test_tokens_of_the_other_token_policy_have_the_same_claims(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    mary = person("mary")
    reply = log_in(anyone, mary, "/api/token/")
    assert reply.status == 200
    for token in reply.body.values():
        said = claims(token)
        assert (said["email"], said["public_id"]) == ("", str(mary.customer.public_id))


def test_the_access_token_gives_access_to_protected_paths(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    token = log_in(anyone, person()).body["access"]
    assert anyone("GET", "/api/", Authorization=f"Bearer {token}").status == 200


def test_a_log_in_accepts_a_form(anyone: Documented, person: Callable[..., Person]) -> None:
    person("mary of the hill")
    said = {"username": "Mary of the Hill", "password": "correct horse"}
    assert anyone("POST", TOKEN, form=said).status == 200


@pytest.mark.parametrize(("username", "password"), [("mary", "wrong"), ("nobody", "correct horse")])
def test_wrong_credentials_are_401(
    username: str, password: str, anyone: Documented, person: Callable[..., Person]
) -> None:
    person("mary")
    reply = anyone("POST", TOKEN, {"username": username, "password": password})
    assert (reply.status, list(reply.body)) == (401, ["detail"])


def test_a_deactivated_user_cannot_log_in(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    assert log_in(anyone, person(is_active=False)).status == 401


@pytest.mark.parametrize(
    ("path", "fields"),
    [(TOKEN, ["username", "password"]), (REFRESH, ["refresh"]), (VERIFY, ["token"])],
)
def test_missing_fields_are_400(path: str, fields: list[str], anyone: Documented) -> None:
    reply = anyone("POST", path, {})
    assert (reply.status, reply.body) == (400, dict.fromkeys(fields, REQUIRED))


def test_a_refresh_returns_a_new_pair_and_ends_the_old_token(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    first = log_in(anyone, person()).body["refresh"]
    reply = anyone("POST", REFRESH, {"refresh": first})
    assert (reply.status, sorted(reply.body)) == (200, ["access", "refresh"])
    second = reply.body["refresh"]
    assert second != first
    dead = anyone("POST", REFRESH, {"refresh": first})
    assert (dead.status, dead.body["code"]) == (401, "token_not_valid")
    assert isinstance(dead.body["detail"], str)
    assert anyone("POST", REFRESH, {"refresh": second}).status == 200


def test_a_refresh_token_works_only_with_its_token_policy(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    mary = person()
    own = log_in(anyone, mary).body["refresh"]
    other = log_in(anyone, mary, "/api/token/").body["refresh"]
    v1 = log_in(anyone, mary, "/api/v1/auth/token").body["refresh"]
    for path, token in [
        ("/api/token/refresh/", own),
        ("/api/v1/auth/token/refresh", own),
        (REFRESH, other),
        (REFRESH, v1),
    ]:
        assert anyone("POST", path, {"refresh": token}).status == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "\0", "ü.ü.ü", 7, None, ["x"]])
@pytest.mark.parametrize(("path", "name"), [(REFRESH, "refresh"), (VERIFY, "token")])
def test_an_invalid_token_is_refused(path: str, name: str, token: Any, anyone: Documented) -> None:
    assert anyone("POST", path, {name: token}).status in {400, 401}


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("path", [TOKEN, "/api/token/"])
def test_verifying_a_valid_token_returns_an_empty_answer(
    kind: str, path: str, anyone: Documented, person: Callable[..., Person]
) -> None:
    token = log_in(anyone, person(), path).body[kind]
    reply = anyone("POST", VERIFY, {"token": token})
    assert (reply.status, reply.body) == (200, {})


def test_verifying_a_bad_token_is_401(anyone: Documented, person: Callable[..., Person]) -> None:
    pair = log_in(anyone, person()).body
    anyone("POST", REFRESH, {"refresh": pair["refresh"]})
    for token in (pair["refresh"], pair["access"] + "x", "none"):
        reply = anyone("POST", VERIFY, {"token": token})
        assert (reply.status, sorted(reply.body)) == (401, ["code", "detail"])
        assert reply.body["code"] == "token_not_valid"


def test_tokens_of_a_deactivated_user_are_refused_at_once(
    anyone: Documented, person: Callable[..., Person]
) -> None:
    mary = person()
    pair = log_in(anyone, mary).body
    Customer.objects.filter(pk=mary.id).update(is_active=False)
    assert anyone("GET", "/api/", Authorization=f"Bearer {pair['access']}").status == 401
    assert anyone("POST", REFRESH, {"refresh": pair["refresh"]}).status == 401
    for token in pair.values():
        assert anyone("POST", VERIFY, {"token": token}).status == 401


@pytest.mark.parametrize("path", [REGISTER, TOKEN, REFRESH, VERIFY])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_token_paths_accept_only_post(method: str, path: str, anyone: Documented) -> None:
    assert anyone(method, path).status == 405
