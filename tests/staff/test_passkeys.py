"""The admin's page of the second factor with passkeys, without a browser."""

import html
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from larder.identity.models import SecondFactor
from larder.identity.services import attempts
from larder.staff.identity.second_factor import CHALLENGE
from tests.conftest import Person
from tests.identity.authenticator import Authenticator
from tests.identity.factors import demanded, enrol

PAGE = "/admin/second-factor/"


@pytest.fixture
def device() -> Authenticator:
    return Authenticator(origin="http://localhost", host="localhost")


@pytest.fixture
def limited() -> Iterator[None]:
    """The limits of production."""
    before = attempts._setup[0]
    attempts.use(attempts.Setup())
    yield
    attempts.use(before)


def log_in(who: Person, host: str = "localhost") -> Client:
    """A browser after the password."""
    client = Client(SERVER_NAME=host)
    credentials = {"username": who.customer.username, "password": who.password}
    client.post("/admin/login/", credentials)
    return client


def opens(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def options(client: Client) -> dict[str, Any]:
    """The options for the script of the page."""
    text = client.get(PAGE).content.decode()
    match = re.search(r'data-options="([^"]+)"', text)
    assert match is not None
    read: dict[str, Any] = json.loads(html.unescape(match[1]))
    return read


def challenge(client: Client) -> bytes:
    return urlsafe_b64decode(options(client)["challenge"] + "=")


def enrol_on_page(client: Client, device: Authenticator) -> str:
    answer = device.create(challenge(client))
    sent = {"code": "", "name": "Key ring", "passkey": answer}
    return client.post(PAGE, sent).content.decode()


def test_staff_enrol_a_passkey_and_log_in_with_it(boss: Person, device: Authenticator) -> None:
    client = log_in(boss)
    done = enrol_on_page(client, device)
    assert len(re.findall(r"<li>[A-Z2-7-]{19}</li>", done)) == 10
    assert opens(client)
    assert "Key ring" in client.get(PAGE).content.decode()
    again = log_in(boss)
    assert not opens(again)
    key = again.session.session_key
    proven = again.post(f"{PAGE}?next=/admin/orders/", {"passkey": device.get(challenge(again))})
    assert proven.headers["Location"] == "/admin/orders/"
    assert again.session.session_key != key
    assert opens(again)


def test_a_challenge_of_a_session_is_accepted_once(boss: Person, device: Authenticator) -> None:
    client, device.counts = log_in(boss), False
    enrol_on_page(client, device)
    first, second = log_in(boss), log_in(boss)
    answer = device.get(challenge(first))
    challenge(second)
    # Another session has another challenge; without a challenge no answer is accepted.
    assert "is wrong" in second.post(PAGE, {"passkey": answer}).content.decode()
    assert not opens(second)
    first.post(PAGE, {"passkey": answer})
    assert opens(first)
    assert CHALLENGE not in first.session
    stale = log_in(boss)
    assert "is wrong" in stale.post(PAGE, {"passkey": answer}).content.decode()
    assert not opens(stale)


def test_the_password_enrols_the_first_passkey_where_a_factor_is_required(
    boss: Person, device: Authenticator
) -> None:
    with demanded():
        client = log_in(boss)
        assert "recovery codes" in enrol_on_page(client, device)
        assert opens(client)
        other = log_in(boss)
        enrol_on_page(other, device)
        assert not opens(other)


def test_removing_the_passkey_that_a_session_proved_ends_its_rights(
    boss: Person, device: Authenticator
) -> None:
    phone = enrol(boss, datetime.now(UTC))
    client = log_in(boss)
    client.post(PAGE, {"code": phone.recovery_codes[0]})
    assert "Done." in enrol_on_page(client, device)
    assert opens(client)
    options(client)
    passkey = SecondFactor.objects.get(kind="passkey")
    client.post(PAGE, {"remove": str(passkey.pk)})
    assert not opens(client)
    client.post(PAGE, {"code": phone.recovery_codes[1]})
    assert opens(client)
    assert SecondFactor.objects.get().kind == "totp"


def test_ten_wrong_passkeys_are_followed_by_a_wait(
    boss: Person, device: Authenticator, limited: None
) -> None:
    enrol_on_page(log_in(boss), device)
    client = log_in(boss)
    wrong = Authenticator(origin="http://localhost", host="localhost")
    sent = [client.post(PAGE, {"passkey": wrong.get(b"x" * 32)}) for _ in range(10)]
    assert {answer.status_code for answer in sent} == {200}
    refused = client.post(PAGE, {"passkey": device.get(challenge(client))})
    assert refused.status_code == 429
    assert not opens(client)


def test_passkeys_are_offered_at_the_public_address_where_there_is_one(
    boss: Person, settings: Any
) -> None:
    client = log_in(boss)
    assert options(client)["rp"]["id"] == "localhost"
    settings.PUBLIC_URL = "https://shop.example"
    assert options(client)["rp"]["id"] == "shop.example"


def test_the_page_says_where_passkeys_do_not_work(boss: Person, device: Authenticator) -> None:
    client = log_in(boss, "127.0.0.1")
    text = client.get(PAGE).content.decode()
    assert "Passkeys work at an https address with a name only" in text
    assert "passkeys.js" not in text
    form = {"passkey": device.create(b"x" * 32)}
    assert "is wrong" in client.post(PAGE, form).content.decode()
    assert not SecondFactor.objects.exists()


def test_accounts_without_passkeys_are_not_asked_for_one(boss: Person) -> None:
    enrol(boss, datetime.now(UTC))
    assert "passkey" not in log_in(boss).get(PAGE).content.decode().replace('name="passkey"', "")
