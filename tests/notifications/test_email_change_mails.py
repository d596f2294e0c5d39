"""The former address of an account gets a mail about the change, with a real mail server."""

from collections.abc import Callable
from typing import Any

import pytest

from larder.db import database
from larder.identity.models import Customer
from larder.identity.services import attempts
from larder.relay.services.account_mails import PASSWORD_RESET
from larder.worker.mails import Mails
from tests.conftest import Api, Person
from tests.notifications.mailing import (
    FROM,
    account_mails,
    ask,
    mail_server,
    send_mails,
    text_of,
)
from tests.staff.desk import Desk, Page

MakePerson = Callable[..., Person]
As = Callable[[Person], Api]
OLD, NEW = "ada@example.com", "thief@example.com"


def change(api: Api, email: str) -> None:
    """The customer changes the address."""
    assert api("PATCH", "me", {"email": email}).status == 200


def at_desk(staff: Person, who: Person, **fields: str) -> Page:
    """Staff change an account in the admin."""
    return Desk(staff).save(f"identity/customer/{who.id}/change/", **fields)


@pytest.mark.parametrize("address", [NEW, ""])
def test_the_mail_to_the_former_address_has_time_and_advice_and_no_text_of_customers(
    transactional_db: None, person: MakePerson, as_: As, settings: Any, address: str
) -> None:
    me = as_(person("Ada Lovelace", email=OLD, first_name="Ada"))
    with mail_server(settings) as receiver:
        change(me, address)
        changed_at = account_mails().get().at
        send_mails()
    (mail,) = receiver.received
    assert (mail["To"], mail["From"]) == (OLD, FROM)
    said = mail.as_string()
    assert f"{changed_at:%d %b %Y, %H:%M} UTC" in text_of(mail)
    assert "Change the password" in text_of(mail)
    for wrote in ("Ada", "Lovelace", NEW, "reset"):
        assert wrote not in said
    # Nor is it kept after the mail.
    assert OLD not in str(database.rows("SELECT delivery::text FROM delivery"))


@pytest.mark.parametrize("address", [NEW, ""])
def test_a_change_of_the_address_in_the_admin_is_mailed_as_well(
    transactional_db: None, person: MakePerson, settings: Any, address: str
) -> None:
    who, staff = person("Ada", email=OLD), person(is_staff=True, is_superuser=True)
    with mail_server(settings) as receiver:
        assert at_desk(staff, who, email=address).errors == {}
        send_mails()
    (mail,) = receiver.received
    assert (mail["To"], mail["Subject"]) == (OLD, "Your email address was changed")
    assert NEW not in mail.as_string()
    assert Customer.objects.get(pk=who.id).email == address


def test_other_changes_and_refused_changes_of_staff_are_not_mailed(
    transactional_db: None, person: MakePerson
) -> None:
    who, staff = person("Ada", email=OLD), person(is_staff=True, is_superuser=True)
    person(email="taken@example.com")
    assert at_desk(staff, who, first_name="Ada").errors == {}
    assert list(at_desk(staff, who, email="taken@example.com").errors) == ["email"]
    assert not account_mails().exists()


def test_an_address_restored_by_staff_can_reset_the_password_at_once(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    """This holds although the customer, or a thief of the phone, has changed it today."""
    who, staff = person("Ada", email=OLD), person(is_staff=True, is_superuser=True)
    change(as_(who), NEW)
    for put_back in (False, True):
        if put_back:
            assert at_desk(staff, who, email=OLD).errors == {}
        ask(OLD)
        asked_by = account_mails().filter(type=PASSWORD_RESET).last().object
        assert (asked_by == str(who.customer.public_id)) is put_back


def test_no_mail_is_sent_without_a_former_address_or_without_a_change(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    me = as_(person("Ada", email=""))
    change(me, OLD)
    change(me, OLD)
    assert me("PATCH", "me", {"first_name": "Ada"}).status == 200
    assert not account_mails().exists()


def test_a_shop_without_a_mail_server_stores_no_mail(
    transactional_db: None, person: MakePerson, as_: As, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    change(as_(person("Ada", email=OLD)), NEW)
    assert not account_mails().exists()


@pytest.mark.parametrize(("email", "version"), [("taken@example.com", None), (NEW, '"0"')])
def test_a_refused_change_is_not_mailed(
    transactional_db: None, person: MakePerson, as_: As, email: str, version: str | None
) -> None:
    person(email="taken@example.com")
    condition = {} if version is None else {"If_Match": version}
    answer = as_(person("Ada", email=OLD))("PATCH", "me", {"email": email}, **condition)
    assert answer.status in (409, 412)
    assert not account_mails().exists()


def test_the_mail_is_sent_also_if_the_account_is_deleted_right_after(
    transactional_db: None, person: MakePerson, as_: As, settings: Any
) -> None:
    """Otherwise a thief could delete the account before the mail is sent."""
    me = as_(person("Ada", email=OLD))
    with mail_server(settings) as receiver:
        change(me, NEW)
        assert me("DELETE", "me").status == 204
        send_mails()
    assert [mail["To"] for mail in receiver.received] == [OLD]


@pytest.mark.parametrize("attempts", [0, len(Mails.pauses)])
def test_an_undelivered_mail_is_retried_and_finally_its_address_is_deleted(
    transactional_db: None, person: MakePerson, as_: As, settings: Any, attempts: int
) -> None:
    me = as_(person("Ada", email=OLD))
    with mail_server(settings, RCPT="450 later") as receiver:
        change(me, NEW)
        account_mails().update(attempts=attempts)
        send_mails()
    assert receiver.received == []
    mail = account_mails().get()
    assert (mail.next_at is None, mail.data == {}) == (attempts > 0, attempts > 0)


def test_an_account_causes_at_most_five_email_change_mails_a_day(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    me = as_(person("Ada", email=OLD))
    for number in range(8):
        change(me, f"stranger-{number}@example.com")
    assert account_mails().count() == attempts.MAILS.times
    assert account_mails().first().data["recipient"] == OLD


def test_an_address_gets_at_most_five_email_change_mails_a_day(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    for _ in range(3):
        me = as_(person())
        for spelling in (OLD, OLD.upper(), OLD):
            change(me, spelling)
            change(me, "")
    assert account_mails().count() == attempts.MAILS.times
    other = as_(person("Ada", email="another@example.com"))
    change(other, NEW)
    assert account_mails().count() == attempts.MAILS.times + 1


@pytest.mark.parametrize("similar", ["\uff41da@example.com", "ada@ex\u00adample.com", f"<{OLD}>"])
def test_similar_addresses_have_separate_mail_limits(
    transactional_db: None, person: MakePerson, as_: As, similar: str
) -> None:
    me, other = as_(person("Ada", email=OLD)), as_(person())
    for _ in range(attempts.MAILS.times):
        # Accounts of former versions may have what is refused now.
        Customer.objects.filter(username=other("GET", "me").body["username"]).update(email=similar)
        change(other, "")
    assert not account_mails().exists()
    change(me, NEW)
    assert account_mails().count() == 1
