"""The former address of an account gets a mail about the change, by a real worker and a real
mail server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from larder.db import database
from larder.identity.models import Customer
from larder.identity.services import attempts
from larder.notifications.models import Mail
from larder.notifications.services import PASSWORD_RESET
from larder.worker.mails import RETRIES
from tests.conftest import Api, Person
from tests.notifications.mailing import FROM, ask, jobs, text_of, work
from tests.notifications.receiver import receiving
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


def stored() -> str:
    """Returns all rows about mails, as text."""
    tables = ("procrastinate_jobs", "procrastinate_events", "mail")
    return str([database.rows(f"SELECT one::text FROM {table} AS one") for table in tables])


@pytest.mark.system
@pytest.mark.parametrize("address", [NEW, ""])
def test_the_mail_to_the_former_address_has_time_and_advice_and_no_text_of_customers(
    transactional_db: None, person: MakePerson, as_: As, tmp_path: Path, address: str
) -> None:
    me = as_(person("Ada Lovelace", email=OLD, first_name="Ada"))
    with receiving() as receiver:
        change(me, address)
        changed_at = Mail.objects.get().created_at
        assert OLD not in str(database.rows("SELECT one::text FROM procrastinate_jobs AS one"))
        (line,) = work(receiver, tmp_path / "log")
    (mail,) = receiver.received
    assert (mail["To"], mail["From"]) == (OLD, FROM)
    said = mail.as_string()
    assert f"{changed_at:%d %b %Y, %H:%M} UTC" in text_of(mail)
    assert "Change the password" in text_of(mail)
    for wrote in ("Ada", "Lovelace", NEW, "reset"):
        assert wrote not in said
    assert (line["level"], line["kind"]) == ("info", "email_changed")
    for text in (stored(), (tmp_path / "log").read_text()):
        assert OLD not in text  # nor is it kept after the mail
    assert not Mail.objects.exists()


@pytest.mark.system
@pytest.mark.parametrize("address", [NEW, ""])
def test_a_change_of_the_address_in_the_admin_is_mailed_as_well(
    transactional_db: None, person: MakePerson, tmp_path: Path, address: str
) -> None:
    who, staff = person("Ada", email=OLD), person(is_staff=True, is_superuser=True)
    with receiving() as receiver:
        assert at_desk(staff, who, email=address).errors == {}
        work(receiver, tmp_path / "log")
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
    assert (Mail.objects.count(), jobs()) == (0, [])


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
        asked_by = Mail.objects.filter(kind=PASSWORD_RESET).latest("created_at").about
        assert (asked_by == who.customer.public_id) is put_back


def test_no_mail_is_sent_without_a_former_address_or_without_a_change(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    me = as_(person("Ada", email=""))
    change(me, OLD)
    change(me, OLD)
    assert me("PATCH", "me", {"first_name": "Ada"}).status == 200
    assert (Mail.objects.count(), jobs()) == (0, [])


def test_a_shop_without_a_mail_server_stores_no_mail(
    transactional_db: None, person: MakePerson, as_: As, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    change(as_(person("Ada", email=OLD)), NEW)
    assert (Mail.objects.count(), jobs()) == (0, [])


@pytest.mark.parametrize(("email", "version"), [("taken@example.com", None), (NEW, '"0"')])
def test_a_refused_change_is_not_mailed(
    transactional_db: None, person: MakePerson, as_: As, email: str, version: str | None
) -> None:
    person(email="taken@example.com")
    condition = {} if version is None else {"If_Match": version}
    answer = as_(person("Ada", email=OLD))("PATCH", "me", {"email": email}, **condition)
    assert answer.status in (409, 412)
    assert (Mail.objects.count(), jobs()) == (0, [])


@pytest.mark.system
def test_the_mail_is_sent_also_if_the_account_is_deleted_right_after(
    transactional_db: None, person: MakePerson, as_: As, tmp_path: Path
) -> None:
    """Otherwise a thief could delete the account before the mail is sent."""
    me = as_(person("Ada", email=OLD))
    with receiving() as receiver:
        change(me, NEW)
        assert me("DELETE", "me").status == 204
        work(receiver, tmp_path / "log")
    assert [mail["To"] for mail in receiver.received] == [OLD]


@pytest.mark.system
@pytest.mark.parametrize(
    ("tries", "level", "status"), [(1, "warning", "todo"), (RETRIES + 1, "error", "failed")]
)
def test_an_undelivered_mail_is_retried_and_finally_its_address_is_deleted(
    transactional_db: None,
    person: MakePerson,
    as_: As,
    tmp_path: Path,
    tries: int,
    level: str,
    status: str,
) -> None:
    me = as_(person("Ada", email=OLD))
    with receiving(RCPT="450 later") as receiver:
        change(me, NEW)
        database.execute("UPDATE procrastinate_jobs SET attempts = %s", [tries - 1])
        (line,) = work(receiver, tmp_path / "log")
    assert receiver.received == []
    assert (line["level"], jobs()) == (level, [(status, tries)])
    assert Mail.objects.filter(recipient=OLD).exists() is (status == "todo")
    assert "ask for it again" not in line.get("do", "")


def test_an_account_causes_at_most_five_email_change_mails_a_day(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    me = as_(person("Ada", email=OLD))
    for number in range(8):
        change(me, f"stranger-{number}@example.com")
    assert len(jobs()) == attempts.MAILS.times
    assert Mail.objects.earliest("created_at").recipient == OLD


def test_an_address_gets_at_most_five_email_change_mails_a_day(
    transactional_db: None, person: MakePerson, as_: As
) -> None:
    for _ in range(3):
        me = as_(person())
        for spelling in (OLD, OLD.upper(), OLD):
            change(me, spelling)
            change(me, "")
    assert len(jobs()) == attempts.MAILS.times
    other = as_(person("Ada", email="another@example.com"))
    change(other, NEW)
    assert len(jobs()) == attempts.MAILS.times + 1


@pytest.mark.parametrize("similar", ["\uff41da@example.com", "ada@ex\u00adample.com", f"<{OLD}>"])
def test_similar_addresses_have_separate_mail_limits(
    transactional_db: None, person: MakePerson, as_: As, similar: str
) -> None:
    me, other = as_(person("Ada", email=OLD)), as_(person())
    for _ in range(attempts.MAILS.times):
        # Accounts of former versions may have what is refused now.
        Customer.objects.filter(username=other("GET", "me").body["username"]).update(email=similar)
        change(other, "")
    assert jobs() == []
    change(me, NEW)
    assert len(jobs()) == 1
