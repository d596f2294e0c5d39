"""`/api/token/` and its refresh, which contracts 1 and 3 share."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from larder.core.clock import now
from larder.http.authentication import signer
from larder.identity.models import Customer, Session
from larder.identity.services import sessions
from larder.identity.services.accounts import delete_account
from larder.identity.tokens import IDENTITY
from tests.compat.conftest import ApiClient
from tests.conftest import Person

MakePerson = Callable[..., Person]
NOT_VALID = {"detail": "Token is invalid or expired", "code": "token_not_valid"}
REFUSED = {"detail": "No active account found with the given credentials"}
TOKEN, REFRESH = "/api/token/", "/api/token/refresh/"


def credentials(who: Person, **instead: Any) -> dict[str, Any]:
    return {"username": who.customer.username, "password": who.password} | instead


def pair(anyone: ApiClient, who: Person) -> Any:
    answer = anyone("POST", TOKEN, credentials(who))
    assert answer.status == 200, answer.body
    return answer.body


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_the_access_token_gives_access_to_the_api(anyone: ApiClient, person: MakePerson) -> None:
    header = f"Bearer {pair(anyone, person())['access']}"
    for path in ("/api/products/", "/api/orders/", "/api/v1/me"):
        assert anyone("GET", path, Authorization=header).status == 200


def test_the_token_path_accepts_json_forms_and_multipart(
    anyone: ApiClient, person: MakePerson
) -> None:
    said = credentials(person())
    raw = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in said.items()
    )
    parts = f"{raw}--x--\r\n".encode()
    answers = [
        anyone("POST", TOKEN, said),
        anyone("POST", TOKEN, form=said),
        anyone("POST", TOKEN, parts, Content_Type="multipart/form-data; boundary=x"),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200]
    refresh = answers[0].body["refresh"]
    assert anyone("POST", REFRESH, form={"refresh": refresh}).status == 200


@pytest.mark.parametrize("path", [TOKEN, REFRESH])
def test_invalid_bodies_are_400_and_too_large_ones_413(anyone: ApiClient, path: str) -> None:
    for raw in (b"{", b"[]", b"null", b'"a"', b"[" * 10_000, b'{"username": "\\ud800"}', b"\xff"):
        assert anyone("POST", path, raw).status == 400
    assert anyone("POST", path, b"a=b", Content_Type="text/plain").status == 415
    assert anyone("POST", path, b'"' + b"a" * 3_000_000 + b'"').status == 413


def test_wrong_unknown_deactivated_and_deleted_log_ins_get_the_same_answer(
    anyone: ApiClient, person: MakePerson
) -> None:
    deleted = person()
    delete_account(deleted.id, now=now())
    for said in (
        credentials(person(), password="wrong"),
        {"username": "nobody", "password": "wrong"},
        credentials(person(is_active=False)),
        credentials(deleted),
    ):
        answer = anyone("POST", TOKEN, said)
        assert (answer.status, answer.body) == (401, REFUSED)
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


def test_a_refresh_returns_an_access_token_and_can_be_repeated(
    anyone: ApiClient, person: MakePerson
) -> None:
    refresh = pair(anyone, person())["refresh"]
    for _ in range(3):
        answer = anyone("POST", REFRESH, {"refresh": refresh})
        assert answer.status == 200
        assert set(answer.body) == {"access"}
        header = f"Bearer {answer.body['access']}"
        assert anyone("GET", "/api/products/", Authorization=header).status == 200


def test_an_invalid_refresh_token_is_401(anyone: ApiClient, person: MakePerson) -> None:
    who = person()
    tokens = pair(anyone, who)
    v1 = anyone("POST", "/api/v1/auth/token", credentials(who)).body["refresh"]
    other = sessions.log_in(
        sessions.Credentials(who.customer.username, who.password),
        policy=IDENTITY,
        signer=signer(),
        now=now(),
    ).refresh
    head, said, mac = tokens["refresh"].split(".")
    turned = f"{head}.{said}.{mac[::-1]}"
    unsigned = jwt.encode(claims(tokens["refresh"]), "", algorithm="none")
    for bad in (
        tokens["access"],
        v1,
        other,
        turned,
        unsigned,
        "a",
        "a.b.c",
        "é",
        tokens["refresh"][1:],
    ):
        answer = anyone("POST", REFRESH, {"refresh": bad})
        assert (answer.status, answer.body) == (401, NOT_VALID), bad
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


def test_a_refresh_token_works_only_at_its_contracts(anyone: ApiClient, person: MakePerson) -> None:
    refresh = pair(anyone, person())["refresh"]
    assert anyone("POST", "/api/v1/auth/token/refresh", {"refresh": refresh}).status == 401
    elsewhere = anyone("POST", "/api/identity/token/refresh/", {"refresh": refresh})
    assert elsewhere.status == 401
    assert anyone("POST", REFRESH, {"refresh": refresh}).status == 200


def end_by_deletion(who: Person) -> None:
    delete_account(who.id, now=now())


def end_by_deactivation(who: Person) -> None:
    Customer.objects.filter(pk=who.id).update(is_active=False)


@pytest.mark.parametrize("end", [end_by_deletion, end_by_deactivation])
def test_deleting_the_account_ends_its_tokens_at_once(
    anyone: ApiClient, person: MakePerson, end: Callable[[Person], None]
) -> None:
    who = person()
    tokens = pair(anyone, who)
    header = f"Bearer {tokens['access']}"
    assert anyone("GET", "/api/products/", Authorization=header).status == 200
    end(who)
    late = anyone("GET", "/api/products/", Authorization=header)
    assert (late.status, late.body["code"]) == (401, "token_not_valid")
    answer = anyone("POST", REFRESH, {"refresh": tokens["refresh"]})
    assert (answer.status, answer.body) == (401, NOT_VALID)


@pytest.mark.parametrize("header", ["Bearer bad", "Token bad", "Basic bad", "Bearer", "x"])
def test_a_given_authorization_header_is_ignored(
    anyone: ApiClient, person: MakePerson, header: str
) -> None:
    said = credentials(person())
    answer = anyone("POST", TOKEN, said, Authorization=header)
    assert answer.status == 200
    refresh = {"refresh": answer.body["refresh"]}
    assert anyone("POST", REFRESH, refresh, Authorization=header).status == 200


def test_token_answers_are_not_cacheable_and_have_a_correlation_id(
    anyone: ApiClient, person: MakePerson
) -> None:
    named = "0123456789abcdef0123456789abcdef"
    logged_in = anyone("POST", TOKEN, credentials(person()), Correlation_ID=named)
    renewed = anyone("POST", REFRESH, {"refresh": logged_in.body["refresh"]}, Correlation_ID=named)
    for answer in (logged_in, renewed):
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["correlation-id"] == named
    assert anyone("POST", TOKEN, {}, Correlation_ID=named).headers["correlation-id"] == named


def test_a_refresh_creates_no_session(anyone: ApiClient, person: MakePerson) -> None:
    who = person()
    refresh = pair(anyone, who)["refresh"]
    anyone("POST", REFRESH, {"refresh": refresh})
    assert Session.objects.filter(customer=who.id).count() == 1
