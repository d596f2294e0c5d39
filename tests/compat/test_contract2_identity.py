"""Contract 2: registering, and its tokens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from larder.identity.models import Customer
from tests.compat.conftest import ALL, ApiClient
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


def log_in(anyone: ApiClient, who: Person, path: str = TOKEN) -> Reply:
    return anyone("POST", path, {"username": who.customer.username, "password": who.password})


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Callable[[str], ApiClient]]:
    """A shop with another way of registering: `shop("closed")`."""
    servers: list[Server] = []

    def start(registration: str) -> ApiClient:
        server = Server(workers=1, environment={"COMPAT": ALL, "REGISTRATION": registration})
        servers.append(server.__enter__())
        return ApiClient(server)

    yield start
    for server in servers:
        server.__exit__()


@pytest.mark.system
def test_a_closed_registration_is_refused(shop: Callable[[str], ApiClient]) -> None:
    reply = shop("closed")("POST", REGISTER, MARY)
    assert (reply.status, list(reply.body)) == (403, ["detail"])
    assert not Customer.objects.exists()


@pytest.mark.system
def test_a_registration_that_needs_approval_may_not_order(
    shop: Callable[[str], ApiClient], product: Callable[..., int]
) -> None:
    anyone = shop("approval")
    assert anyone("POST", REGISTER, MARY).status == 201
    assert not Customer.objects.get().may_order
    product()
    token = anyone("POST", TOKEN, MARY).body["access"]
    bearer: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    jam = anyone("GET", "/api/catalog/products/", **bearer).body["results"][0]["public_id"]
    items = {"order_items": [{"product": jam}]}
    reply = anyone("POST", "/api/orders/orders/", items, **bearer)
    assert (reply.status, list(reply.body)) == (403, ["detail"])


def test_the_access_token_gives_access_to_protected_paths(
    anyone: ApiClient, person: Callable[..., Person]
) -> None:
    token = log_in(anyone, person()).body["access"]
    assert anyone("GET", "/api/", Authorization=f"Bearer {token}").status == 200


def test_a_refresh_returns_a_new_pair_and_ends_the_old_token(
    anyone: ApiClient, person: Callable[..., Person]
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
    anyone: ApiClient, person: Callable[..., Person]
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


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("path", [TOKEN, "/api/token/"])
def test_verifying_a_valid_token_returns_an_empty_answer(
    kind: str, path: str, anyone: ApiClient, person: Callable[..., Person]
) -> None:
    token = log_in(anyone, person(), path).body[kind]
    reply = anyone("POST", VERIFY, {"token": token})
    assert (reply.status, reply.body) == (200, {})


def test_verifying_a_bad_token_is_401(anyone: ApiClient, person: Callable[..., Person]) -> None:
    pair = log_in(anyone, person()).body
    anyone("POST", REFRESH, {"refresh": pair["refresh"]})
    for token in (pair["refresh"], pair["access"] + "x", "none"):
        reply = anyone("POST", VERIFY, {"token": token})
        assert (reply.status, sorted(reply.body)) == (401, ["code", "detail"])
        assert reply.body["code"] == "token_not_valid"


def test_tokens_of_a_deactivated_user_are_refused_at_once(
    anyone: ApiClient, person: Callable[..., Person]
) -> None:
    mary = person()
    pair = log_in(anyone, mary).body
    Customer.objects.filter(pk=mary.id).update(is_active=False)
    assert anyone("GET", "/api/", Authorization=f"Bearer {pair['access']}").status == 401
    assert anyone("POST", REFRESH, {"refresh": pair["refresh"]}).status == 401
    for token in pair.values():
        assert anyone("POST", VERIFY, {"token": token}).status == 401
