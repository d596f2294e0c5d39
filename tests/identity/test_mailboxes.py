"""Both forms of an internationalized domain are one mailbox in every operation."""

from collections.abc import Callable
from uuid import UUID

import pytest

from larder.core.clock import now
from larder.core.mailboxes import sent_to
from larder.identity.models import Customer
from larder.identity.services import passwords
from larder.identity.services.attempts import MAILS, folded, take_mail
from tests.conftest import Api, Person
from tests.staff.desk import Desk

MakePerson = Callable[..., Person]
UNICODE, ASCII = "ada@m\u00fcnchen.example", "ada@xn--mnchen-3ya.example"
FORMS = [
    (UNICODE, ASCII),
    (ASCII, UNICODE),
    (UNICODE, f"{UNICODE}."),
    (f"{UNICODE}.", UNICODE),
    (ASCII, f"{ASCII}."),
]
PASSWORD = "a-long-enough-password"


@pytest.mark.parametrize(("held", "sent"), FORMS)
def test_an_address_in_its_other_form_is_taken(
    customer: Api, person: MakePerson, held: str, sent: str
) -> None:
    person(email=held)
    assert customer("PATCH", "me", {"email": sent}).body["code"] == "email_taken"
    account = {"username": "zoe", "password": PASSWORD, "email": sent}
    assert customer("POST", "auth/register", account).body["code"] == "email_taken"


def test_staff_cannot_enter_the_other_form(person: MakePerson) -> None:
    who, staff = person(), person(is_staff=True, is_superuser=True)
    person(email=UNICODE)
    page = Desk(staff).save(f"identity/customer/{who.id}/change/", email=ASCII)
    assert list(page.errors) == ["email"]


@pytest.mark.parametrize(
    "sent", [UNICODE, f"{UNICODE}.", ASCII, f"{ASCII}.", ASCII.replace("xn--", "XN--")]
)
def test_an_address_is_stored_in_its_canonical_form(customer: Api, sent: str) -> None:
    assert customer("PATCH", "me", {"email": sent}).body["email"] == UNICODE
    assert customer("PATCH", "me", {"email": UNICODE}).status == 200


def test_a_registration_stores_the_canonical_form(db: None, api: Api) -> None:
    account = {"username": "zoe", "password": PASSWORD, "email": ASCII}
    assert api("POST", "auth/register", account).status == 201
    assert Customer.objects.get(username="zoe").email == UNICODE


@pytest.mark.parametrize(("held", "sent"), FORMS)
def test_a_reset_finds_the_account_by_either_form(person: MakePerson, held: str, sent: str) -> None:
    who = person(email=held)
    asked: list[UUID] = []
    passwords.request_reset(sent, notify=asked.append, now=now())
    assert asked == [who.customer.public_id]
    mailed = passwords.invitation(asked[0], requested_at=now(), secret="x", now=now())
    assert mailed is not None
    assert sent_to(mailed.email)


@pytest.mark.django_db
def test_both_forms_of_an_address_share_one_mail_limit() -> None:
    taken = [
        take_mail(address, account=number)
        for number, address in enumerate((UNICODE, ASCII) * MAILS.times)
    ]
    assert taken.count(True) == MAILS.times
    assert folded(UNICODE) == folded(ASCII)


@pytest.mark.parametrize(
    "domain", ["xn--9.example", "\u00fc" * 64 + ".example", "\u00fc..example", "a\u200b.example"]
)
def test_a_domain_that_cannot_exist_is_refused(customer: Api, domain: str) -> None:
    account = {"username": "zoe", "password": PASSWORD, "email": f"ada@{domain}"}
    for refused in (
        customer("PATCH", "me", {"email": f"ada@{domain}"}),
        customer("POST", "auth/register", account),
    ):
        (fault,) = refused.body["errors"]
        assert (refused.status, fault["pointer"]) == (400, "/email")
        assert fault["code"] == "invalid_format"


@pytest.mark.parametrize(
    "email", [".v@x.de", "v.@x.de", "a..b@x.de", "v@.x.de", "v@x..de", "v@x.de.."]
)
def test_an_address_with_an_empty_part_is_refused(customer: Api, email: str) -> None:
    account = {"username": "zoe", "password": PASSWORD, "email": email}
    for refused in (
        customer("PATCH", "me", {"email": email}),
        customer("POST", "auth/register", account),
    ):
        (fault,) = refused.body["errors"]
        assert (refused.status, fault["pointer"]) == (400, "/email")
        assert fault["code"] == "invalid_format"


@pytest.mark.parametrize(
    "shown",
    [
        *("ada\u200b@example.com", "ada@ex\u00adample.com", "a\u202eb@c.de"),
        *("a\u2d7f@c.de", "a@c\u2d7f.de", "a\U0001107f@c.de", "a\ue000@c.de", "a\ufffc@c.de"),
    ],
)
def test_an_address_has_no_invisible_characters(customer: Api, shown: str) -> None:
    refused = customer("PATCH", "me", {"email": shown})
    (fault,) = refused.body["errors"]
    assert (refused.status, fault["pointer"], fault["code"]) == (400, "/email", "invalid_format")
