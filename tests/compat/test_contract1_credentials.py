"""Credentials on the paths of contract 1."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest

from larder.core.clock import now
from larder.core.ids import new_id
from larder.http.authentication import signer
from larder.identity.caller import Caller
from larder.identity.models import Customer
from larder.identity.services.accounts import delete_account
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Reply

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
NOT_VALID = {
    "detail": "Given token not valid for any token type",
    "code": "token_not_valid",
    "messages": [
        {
            "token_class": "AccessToken",
            "token_type": "access",
            "message": "Token is invalid or expired",
        }
    ],
}
CHALLENGE = 'Bearer realm="api"'


def everywhere(client: ApiClient, product: int, header: str | None = None) -> list[Reply]:
    """The answers of every protected path and method."""
    client = ApiClient(client.server, header) if header is not None else client
    mine = f"/api/orders/{uuid4()}/"
    body = {"products": [{"id": product, "quantity": 1}]}
    return [
        client("GET", "/api/products/"),
        client("GET", f"/api/products/{product}/"),
        client("POST", mine, body),
        client("GET", mine),
        client("GET", "/api/orders/"),
    ]


WELCOME = [200, 200, 201, 200, 200]
REFUSED = [401] * 5


def statuses(answers: list[Reply]) -> list[int]:
    return [answer.status for answer in answers]


def key_of(anyone: ApiClient, who: Person) -> str:
    said = {"username": who.customer.username, "password": who.password}
    return str(anyone("POST", "/auth/", said).body["token"])


def test_an_access_token_and_a_key_give_access_to_every_path(
    anyone: ApiClient, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(), person()
    for header in (f"Bearer {token_for(who)}", f"Token {key_of(anyone, who)}"):
        word, _, credential = header.partition(" ")
        for same in (word, word.lower(), word.upper()):
            assert statuses(everywhere(anyone, jam, f"{same} {credential}")) == WELCOME


def test_an_access_token_of_any_token_endpoint_gives_access(
    anyone: ApiClient, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(), person()
    said = {"username": who.customer.username, "password": who.password}
    for path in ("/api/token/", "/api/v1/auth/token"):
        header = f"Bearer {anyone('POST', path, said).body['access']}"
        assert statuses(everywhere(anyone, jam, header)) == WELCOME


def test_bad_tokens_are_401_with_their_code(
    anyone: ApiClient, person: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(), person()
    good = token_for(who)
    head, said, mac = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    forged = jwt.encode(claims | {"staff": True}, "x" * 40, algorithm="HS256")
    unsigned = jwt.encode(claims, "", algorithm="none")
    expired = token_for(who, now=now() - timedelta(minutes=6))
    unknown = Caller(987_654, new_id(), is_staff=True, session=new_id())
    of_nobody = signer().access(unknown, now=now())
    bad = ("x", "a.b.c", f"{head}.{said}.{mac[::-1]}", forged, unsigned, expired, of_nobody)
    for token in bad:
        for answer in everywhere(anyone, jam, f"Bearer {token}"):
            assert (answer.status, answer.body) == (401, NOT_VALID)
            assert answer.headers["www-authenticate"] == CHALLENGE


def end_by_deletion(who: Person) -> None:
    delete_account(who.id, now=now())


def end_by_deactivation(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


@pytest.mark.parametrize("end", [end_by_deletion, end_by_deactivation])
@pytest.mark.parametrize("is_staff", [False, True])
def test_deleted_and_deactivated_accounts_are_refused_at_once(
    anyone: ApiClient,
    person: MakePerson,
    product: MakeProduct,
    end: Callable[[Person], None],
    is_staff: bool,
) -> None:
    jam, who = product(), person(is_staff=is_staff)
    headers = [f"Bearer {token_for(who)}", f"Token {key_of(anyone, who)}"]
    for header in headers:
        # Each worker has seen the credential and let it in.
        for _ in range(3):
            assert statuses(everywhere(anyone, jam, header)) == WELCOME
    end(who)
    for header in headers:
        assert statuses(everywhere(anyone, jam, header)) == REFUSED
