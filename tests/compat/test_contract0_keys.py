"""Contract 0: `POST /auth/` gives the key of the account with this password."""

import re
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from larder.core.clock import now
from larder.identity.models import Customer, Key
from larder.identity.services.accounts import delete_account
from tests.compat.conftest import ApiClient
from tests.conftest import Person
from tests.identity.conftest import Counted

MakePerson = Callable[..., Person]
REQUIRED = ["This field is required."]
BLANK = ["This field may not be blank."]
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


def test_json_a_form_and_multipart_give_the_same_key(anyone: ApiClient, person: MakePerson) -> None:
    said = credentials(person())
    by_json = anyone("POST", "/auth/", said)
    by_form = anyone("POST", "/auth/", form=said)
    kind = "multipart/form-data; boundary=x"
    by_parts = anyone("POST", "/auth/", multipart(**said), Content_Type=kind)
    assert [one.status for one in (by_json, by_form, by_parts)] == [200, 200, 200]
    assert set(by_json.body) == {"token"}
    assert re.fullmatch("[0-9a-f]{40}", by_json.body["token"])
    assert by_json.body == by_form.body == by_parts.body


def test_repeated_calls_return_the_same_key(anyone: ApiClient, person: MakePerson) -> None:
    who = person()
    keys = {anyone("POST", "/auth/", credentials(who)).body["token"] for _ in range(3)}
    assert len(keys) == 1
    assert Key.objects.filter(customer=who.id).count() == 1


def test_only_the_hash_of_a_key_is_stored(anyone: ApiClient, person: MakePerson) -> None:
    who = person()
    token = anyone("POST", "/auth/", credentials(who)).body["token"]
    stored = bytes(Key.objects.values_list("digest", flat=True).get(customer=who.id))
    assert len(stored) == 32
    assert bytes.fromhex(token) not in stored


def test_each_account_has_a_different_key(anyone: ApiClient, person: MakePerson) -> None:
    keys = {anyone("POST", "/auth/", credentials(person())).body["token"] for _ in range(2)}
    assert len(keys) == 2


def test_a_name_is_accepted_in_any_case_and_with_spaces_around(
    anyone: ApiClient, person: MakePerson
) -> None:
    who = person("Ana María")
    keys = [
        anyone("POST", "/auth/", credentials(who, username=name))
        for name in ("Ana María", "ANA MARÍA", "ana maría")
    ]
    assert [one.status for one in keys] == [200, 200, 200]
    assert len({one.body["token"] for one in keys}) == 1


def test_a_password_keeps_its_blanks(anyone: ApiClient, person: MakePerson) -> None:
    who = person(password=" correct horse ")
    assert anyone("POST", "/auth/", credentials(who)).status == 200
    assert anyone("POST", "/auth/", credentials(who, password="correct horse")).body == REFUSED


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, {"username": REQUIRED, "password": REQUIRED}),
        ({"username": "a"}, {"password": REQUIRED}),
        ({"password": "a"}, {"username": REQUIRED}),
        ({"username": "", "password": ""}, {"username": BLANK, "password": BLANK}),
        ({"username": "  ", "password": "a"}, {"username": BLANK}),
        ({"username": "a", "password": ""}, {"password": BLANK}),
        ({"username": None, "password": "a"}, {"username": ["This field may not be null."]}),
    ],
)
def test_only_missing_and_blank_fields_are_named(anyone: ApiClient, body: Any, said: Any) -> None:
    for answer in (
        anyone("POST", "/auth/", body),
        anyone("POST", "/auth/", form=body) if None not in body.values() else None,
    ):
        if answer is not None:
            assert (answer.status, answer.body) == (400, said)


def test_an_empty_body_is_a_body_without_fields(anyone: ApiClient) -> None:
    for kind in ("application/json", FORM):
        answer = anyone("POST", "/auth/", b"", Content_Type=kind)
        assert (answer.status, answer.body) == (
            400,
            {"username": REQUIRED, "password": REQUIRED},
        )


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


@pytest.mark.parametrize("body", [b"[]", b'["username"]', b'"text"', b"3", b"null", b"true"])
def test_a_body_that_is_not_an_object_is_400(anyone: ApiClient, body: bytes) -> None:
    answer = anyone("POST", "/auth/", body)
    assert answer.status == 400
    assert list(answer.body) == ["non_field_errors"]


@pytest.mark.parametrize("value", [1, 10**30, 1.5, True, ["a"], {"a": "b"}])
def test_a_field_that_is_not_a_string_is_400(anyone: ApiClient, value: Any) -> None:
    answer = anyone("POST", "/auth/", {"username": value, "password": value})
    wrong = ["Not a valid string."]
    assert (answer.status, answer.body) == (400, {"username": wrong, "password": wrong})


def test_a_nul_or_a_lone_surrogate_is_400(anyone: ApiClient) -> None:
    for field in ("username", "password"):
        said = {"username": "a", "password": "b"} | {field: "a\0b"}
        for answer in (anyone("POST", "/auth/", said), anyone("POST", "/auth/", form=said)):
            assert answer.status == 400
            assert list(answer.body) == [field]
        assert anyone("POST", "/auth/", said | {field: "\ud800"}).status == 400


def test_a_file_as_the_name_is_refused(anyone: ApiClient) -> None:
    raw = b'--x\r\nContent-Disposition: form-data; name="username"; filename="a"\r\n\r\nb\r\n--x--'
    answer = anyone("POST", "/auth/", raw, Content_Type="multipart/form-data; boundary=x")
    assert (answer.status, answer.body["username"]) == (400, ["Not a valid string."])


def test_no_encoding_causes_an_error_of_the_server(anyone: ApiClient) -> None:
    parts = multipart(username="a\xe9")
    bodies = {"application/json": b'{"username": "\xff"}', FORM: b"username=\xff"}
    bodies["multipart/form-data; boundary=x"] = parts
    for kind, raw in bodies.items():
        for encoding in ("idna", "undefined", "zlib", "utf-16", "none-such", "rot13", "utf-7"):
            answer = anyone("POST", "/auth/", raw, Content_Type=f"{kind}; charset={encoding}")
            assert answer.status == 400, (kind, encoding)


def test_another_type_of_body_is_415(anyone: ApiClient) -> None:
    assert anyone("POST", "/auth/", b"a=b", Content_Type="text/plain").status == 415


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


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_any_other_method_is_405(anyone: ApiClient, method: str) -> None:
    answer = anyone(method, "/auth/")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST, OPTIONS"
    if method != "HEAD":
        assert answer.body == {"detail": f'Method "{method}" not allowed.'}


@pytest.mark.parametrize(
    "header", ["Token bad", "Bearer bad", "Basic bad", "Token", "Basic !", "\xff", "Nonsense a b"]
)
def test_a_given_authorization_header_is_ignored(
    anyone: ApiClient, person: MakePerson, header: str
) -> None:
    who = person()
    assert anyone("POST", "/auth/", credentials(who), Authorization=header).status == 200
    wrong = credentials(who, password="wrong")
    assert anyone("POST", "/auth/", wrong, Authorization=header).body == REFUSED


def test_a_path_without_the_final_slash_redirects(anyone: ApiClient, person: MakePerson) -> None:
    said = credentials(person())
    found = [anyone("GET", "/auth"), anyone("POST", "/auth", said)]
    assert [(one.status, one.headers["location"]) for one in found] == [
        (301, "/auth/"),
        (308, "/auth/"),
    ]


def test_every_answer_has_a_correlation_id_of_the_log(
    anyone: ApiClient, person: MakePerson
) -> None:
    named = "0123456789abcdef0123456789abcdef"
    for said in (credentials(person()), {}):
        answer = anyone("POST", "/auth/", said, Correlation_ID=named)
        assert answer.headers["correlation-id"] == named
        assert answer.headers["content-type"] == "application/json"


def test_the_answer_with_a_key_is_not_cacheable(anyone: ApiClient, person: MakePerson) -> None:
    answer = anyone("POST", "/auth/", credentials(person()))
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_superuser_of_createsuperuser_has_a_key(
    anyone: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "swordfish")
    call_command("createsuperuser", username="chief", interactive=False, verbosity=0)
    assert Customer.objects.get(username="chief").is_superuser
    assert anyone("POST", "/auth/", {"username": "chief", "password": "swordfish"}).status == 200
