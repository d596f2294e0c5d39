"""The admin's log-in with a second factor, and its enrolment."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from larder.http.admin_session import BEGAN
from larder.identity import factors
from larder.identity.models import AuditEntry, SecondFactor
from larder.identity.services import attempts
from tests.conftest import Person
from tests.identity.factors import account_of, code_of, demanded, enrol
from tests.staff.confirming import age

PAGE = "/admin/second-factor/"


def log_in(who: Person) -> tuple[Client, Any]:
    """A browser after the password, and where that led."""
    client = Client()
    credentials = {"username": who.customer.username, "password": who.password}
    return client, client.post("/admin/login/?next=/admin/orders/order/", credentials)


def opens(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def offered(client: Client) -> bytes:
    """The secret that the page shows."""
    text = client.get(PAGE).content.decode()
    assert "data:image/svg+xml" in text
    match = re.search(r"break-all\">([A-Z2-7]{32})<", text)
    assert match is not None
    return base64.b32decode(match[1])


@pytest.fixture
def limited() -> Iterator[None]:
    """The limits of production."""
    before = attempts._setup[0]
    attempts.use(attempts.Setup())
    yield
    attempts.use(before)


def test_without_a_factor_the_password_is_enough(boss: Person) -> None:
    client, answer = log_in(boss)
    assert answer.headers["Location"] == "/admin/orders/order/"
    assert opens(client)


def test_with_a_factor_a_code_opens_the_admin_once(boss: Person) -> None:
    moment = datetime.now(UTC)
    phone = enrol(boss, moment)
    client, answer = log_in(boss)
    assert answer.headers["Location"].startswith(PAGE)
    assert not opens(client)
    assert client.get("/admin/login/").headers["Location"].startswith(PAGE)
    key = client.session.session_key
    wrong = client.post(PAGE, {"code": "000000x"})
    assert "A code or passkey is wrong" in wrong.content.decode()
    assert not opens(client)
    code = phone.code(datetime.now(UTC))
    proven = client.post(answer.headers["Location"], {"code": code})
    assert proven.headers["Location"] == "/admin/orders/order/"
    assert opens(client)
    assert client.session.session_key != key
    again, _ = log_in(boss)
    again.post(PAGE, {"code": code})
    assert not opens(again)
    again.post(PAGE, {"code": phone.recovery_codes[0]})
    assert opens(again)


def test_a_log_in_within_a_proven_session_asks_for_a_code_again(boss: Person) -> None:
    phone = enrol(boss, datetime.now(UTC))
    client, _ = log_in(boss)
    client.post(PAGE, {"code": phone.recovery_codes[0]})
    assert opens(client)
    credentials = {"username": boss.customer.username, "password": boss.password}
    assert client.post("/admin/login/", credentials).headers["Location"].startswith(PAGE)
    assert not opens(client)


def test_the_page_does_not_redirect_to_other_hosts(boss: Person) -> None:
    phone = enrol(boss, datetime.now(UTC))
    client, _ = log_in(boss)
    answer = client.post(f"{PAGE}?next=//evil.example/", {"code": phone.recovery_codes[0]})
    assert answer.headers["Location"] == "/admin/"


def test_a_pending_log_in_expires(boss: Person) -> None:
    phone = enrol(boss, datetime.now(UTC))
    client, _ = log_in(boss)
    session = client.session
    session[BEGAN] -= 601
    session.save()
    answer = client.post(PAGE, {"code": phone.recovery_codes[0]})
    assert answer.headers["Location"] == "/admin/login/"
    assert "_auth_user_id" not in client.session


def test_ten_wrong_codes_are_followed_by_a_wait(boss: Person, limited: None) -> None:
    phone = enrol(boss, datetime.now(UTC))
    client, _ = log_in(boss)
    assert {client.post(PAGE, {"code": "AAAA"}).status_code for _ in range(10)} == {200}
    refused = client.post(PAGE, {"code": phone.recovery_codes[0]})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 60
    assert not opens(client)


def test_the_password_enrols_the_first_factor_where_one_is_required(boss: Person) -> None:
    with demanded():
        client, answer = log_in(boss)
        assert answer.headers["Location"].startswith(PAGE)
        secret, late = offered(client), log_in(boss)[0]
        sent = {"code": code_of(secret, datetime.now(UTC))}
        done = client.post(PAGE, sent).content.decode()
        assert len(re.findall(r"<li>[A-Z2-7-]{19}</li>", done)) == 10
        assert opens(client)
        late.post(PAGE, sent)
        assert not opens(late)


def test_staff_enrol_renew_and_remove_after_their_password(boss: Person) -> None:
    client, _ = log_in(boss)
    secret = offered(client)
    assert offered(client) == secret
    form = {"code": code_of(secret, datetime.now(UTC))}
    age(client)
    for asked in (client.get(PAGE), client.post(PAGE, form)):
        assert asked.headers["Location"].startswith("/admin/confirm/?next=")
    assert not SecondFactor.objects.exists()
    client.post(asked.headers["Location"], {"password": boss.password})
    assert "recovery codes" in client.post(PAGE, form).content.decode()
    assert opens(client)
    assert not opens(log_in(boss)[0])
    assert "recovery codes" in client.post(PAGE, {"renew": ""}).content.decode()
    assert client.post(PAGE, {"remove": "x"}).status_code == 200
    gone = client.post(PAGE, {"remove": str(boss.customer.public_id)}).content.decode()
    assert "This does not exist any more." in gone
    form = {"remove": str(SecondFactor.objects.get().pk)}
    with demanded():
        page = client.post(PAGE, form).content.decode()
        assert "need a second factor" in page
    client.post(PAGE, form)
    assert not SecondFactor.objects.exists()
    assert opens(log_in(boss)[0])


def test_the_page_has_the_colours_of_the_site(boss: Person) -> None:
    """Without them its first button is white on white."""
    text = log_in(boss)[0].get(PAGE).content.decode()
    assert "--color-primary-600:" in text


def test_customers_and_anonymous_requests_are_redirected_to_the_log_in(
    person: Callable[..., Person],
) -> None:
    client = Client()
    client.force_login(person().customer)
    for browser in (client, Client()):
        assert browser.get(PAGE).headers["Location"] == "/admin/login/"


def test_the_command_resets_a_factor_and_refuses_unknown_names(boss: Person) -> None:
    enrol(boss, datetime.now(UTC))
    call_command("second_factor", "boss", "--reset", stdout=StringIO())
    assert not SecondFactor.objects.exists()
    assert AuditEntry.objects.get(action="reset_second_factor").channel == "command"
    with pytest.raises(CommandError):
        call_command("second_factor", "nobody", "--reset")
    assert account_of(boss).id == boss.id
    assert not factors.is_demanded()
