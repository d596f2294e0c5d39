"""Contract 0: `POST /auth/` gives the key of the account with this password."""

from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from larder.core.clock import now
from larder.identity.models import Customer
from larder.identity.services.accounts import delete_account
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.identity.conftest import Counted

MakePerson = Callable[..., Person]
REFUSED = {"non_field_errors": ["Unable to log in with provided credentials."]}
FORM = "application/x-www-form-urlencoded"


def credentials(who: Person, **instead: Any) -> dict[str, Any]:
    return {"username": who.customer.username, "password": who.password} | instead


def multipart(**fields: str) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, "--x--\r\n"]).encode()


def test_wrong_passwords_unknown_names_and_inactive_accounts_get_the_same_answer(
    anyone: ApiClient, person: MakePerson
) -> None:
    sleeping, deleted = person(is_active=False), person()
    delete_account(deleted.id, now=now())
    answers = [
        anyone("POST", "/auth/", said)
        for said in (
            credentials(person(), password="wrong"),
            {"username": "nobody", "password": "wrong"},
            credentials(sleeping),
            credentials(deleted),
        )
    ]
    for answer in answers:
        assert (answer.status, answer.body) == (400, REFUSED)
        assert answer.headers.keys() == answers[0].headers.keys()


@pytest.mark.urls("larder.compat.contract0")
def test_an_unknown_name_costs_a_hash_as_a_wrong_password_does(
    db: None, person: MakePerson, hashes: Counted
) -> None:
    known = credentials(person(), password="wrong")
    asleep = credentials(person(is_active=False))
    for body in (known, known | {"username": "unknown"}, asleep):
        before = hashes.begun
        answer = Client().post("/auth/", body, content_type="application/json")
        assert (answer.status_code, answer.json()) == (400, REFUSED)
        assert hashes.begun == before + 1, body


@pytest.mark.parametrize("raw", [b"{", b"[1", b'{"username": }', b"\xff\xfe", b"[" * 10_000])
def test_invalid_json_is_400_with_a_message(anyone: ApiClient, raw: bytes) -> None:
    answer = anyone("POST", "/auth/", raw)
    assert answer.status == 400
    assert set(answer.body) == {"detail"}


def test_a_nul_or_a_lone_surrogate_is_400(anyone: ApiClient) -> None:
    for field in ("username", "password"):
        said = {"username": "a", "password": "b"} | {field: "a\0b"}
        for answer in (anyone("POST", "/auth/", said), anyone("POST", "/auth/", form=said)):
            assert answer.status == 400
            assert list(answer.body) == [field]
        assert anyone("POST", "/auth/", said | {field: "\ud800"}).status == 400


def test_no_encoding_causes_an_error_of_the_server(anyone: ApiClient) -> None:
    parts = multipart(username="a\xe9")
    bodies = {"application/json": b'{"username": "\xff"}', FORM: b"username=\xff"}
    bodies["multipart/form-data; boundary=x"] = parts
    for kind, raw in bodies.items():
        for encoding in ("idna", "undefined", "zlib", "utf-16", "none-such", "rot13", "utf-7"):
            answer = anyone("POST", "/auth/", raw, Content_Type=f"{kind}; charset={encoding}")
            assert answer.status == 400, (kind, encoding)


def test_a_body_over_the_limit_is_413(anyone: ApiClient) -> None:
    answer = anyone("POST", "/auth/", {"username": "a" * 3_000_000, "password": "b"})
    assert answer.status == 413
    assert "detail" in answer.body


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("application/json", b'{"username": "chunk", "password": "correct horse"}'),
        (FORM, b"username=chunk&password=correct+horse"),
        (
            "multipart/form-data; boundary=x",
            multipart(username="chunk", password="correct horse"),
        ),
    ],
    ids=["json", "form", "multipart"],
)
def test_a_body_in_chunks_is_read(
    anyone: ApiClient, person: MakePerson, kind: str, raw: bytes
) -> None:
    person("chunk", password="correct horse")
    with closing(HTTPConnection("127.0.0.1", anyone.server.port, timeout=20)) as connection:
        parts = iter([raw[:20], raw[20:]])
        connection.request("POST", "/auth/", parts, {"Content-Type": kind}, encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, b'{"token"' in response.read()) == (200, True)


def test_a_superuser_of_createsuperuser_has_a_key(
    anyone: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "swordfish")
    call_command("createsuperuser", username="chief", interactive=False, verbosity=0)
    assert Customer.objects.get(username="chief").is_superuser
    assert anyone("POST", "/auth/", {"username": "chief", "password": "swordfish"}).status == 200
