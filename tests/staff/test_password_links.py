"""Staff add accounts, whose owners set their passwords with links; a member of staff with roles."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from larder.core.clock import now
from larder.core.errors import NotFound, PermissionMissing
from larder.http.authentication import secrets
from larder.identity import permissions
from larder.identity.models import AuditEntry, Customer
from larder.identity.services import passwords
from larder.identity.services.accounts import NewCustomer
from larder.relay.models import Delivery
from larder.worker.mails import Mails, Message
from tests.conftest import NOW, ROLES, Person
from tests.staff.desk import Desk, Page, allow

INVITE = "identity/customer/add/"
PAGE = "/admin/new-password/"
SAM: dict[str, Any] = {"first_name": "Sam", "username": "sam", "email": "sam@example.com"}
WANTED = "a longer passphrase"


def use(token: str, new_password: str = WANTED, again: str = WANTED) -> Page:
    values = {"reset_token": token, "new_password": new_password, "again": again}
    answer = Client().post(PAGE, values)
    form = (answer.context or {}).get("form")
    errors = {} if form is None else {name: list(texts) for name, texts in form.errors.items()}
    return Page(answer.status_code, answer.content.decode(), errors, [], answer)


def link_path(customer: int) -> str:
    return f"identity/customer/{customer}/password-link/"


def make_link(desk: Desk, customer: int) -> str:
    """Returns the token of the link that the page shows."""
    answer = desk.post(link_path(customer), {})
    address, _, token = answer.response.context["shown"].partition("#")
    assert address.endswith(PAGE)
    return str(token)


def test_an_account_without_a_password_gets_one_with_the_link_once(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    desk.save("identity/customer/add/", username="sam", email="sam@example.com")
    sam = Customer.objects.get(username="sam")
    assert not sam.has_usable_password()
    token = make_link(desk, sam.pk)
    assert use(token).status == 302
    assert Customer.objects.get(pk=sam.pk).check_password(WANTED)
    assert "was used before" in use(token).errors["reset_token"][0]


def test_a_link_is_over_after_an_hour(desk: Desk, person: Callable[..., Person]) -> None:
    tom = person("tom")
    account = Customer.objects.get(pk=tom.id)
    late = passwords._token(account, now() - timedelta(seconds=1), secrets()[0])
    assert "has expired" in use(late).errors["reset_token"][0]
    assert Customer.objects.get(pk=tom.id).check_password(tom.password)


def test_a_wrong_code_or_a_weak_password_sets_nothing(
    desk: Desk, person: Callable[..., Person]
) -> None:
    tom = person("tom")
    token = make_link(desk, tom.id)
    assert "reset_token" in use("x" * 64).errors
    assert "reset_token" in use(token[:-2] + "AA").errors
    assert use(token, "short", "short").errors["new_password"]
    assert use(token, WANTED, WANTED + "x").errors["again"] == ["The two passwords differ."]
    assert Customer.objects.get(pk=tom.id).check_password(tom.password)


def test_the_link_is_sent_by_mail_where_the_shop_sends_mails(
    desk: Desk, person: Callable[..., Person], settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    tom, sam = person("tom", email="tom@example.com"), person("sam", email="")
    sent = desk.post(link_path(tom.id), {})
    assert "tom@example.com" in sent.messages[0]
    assert Delivery.objects.get().object == str(tom.customer.public_id)
    assert "#" in desk.post(link_path(sam.id), {}).response.context["shown"]
    assert Delivery.objects.count() == 1


def test_the_audit_trail_has_the_link_without_its_token(
    desk: Desk, boss: Person, person: Callable[..., Person]
) -> None:
    clerk = person("clerk", is_staff=True)
    token = make_link(desk, clerk.id)
    entry = AuditEntry.objects.get(action="offer_reset")
    assert (entry.actor, entry.after) == (boss.customer.public_id, {"mailed": False})
    use(token)
    used = AuditEntry.objects.get(action="set_password")
    assert (used.actor, used.object) == (clerk.customer.public_id, entry.object)


def test_staff_make_no_link_for_an_account_with_more_rights(
    boss: Person, person: Callable[..., Person]
) -> None:
    clerk = Desk(allow(person(is_staff=True), "identity.change_customer", "identity.view_customer"))
    tom = person("tom")
    assert clerk.post(link_path(boss.id), {}).status == 403
    assert make_link(clerk, tom.id)
    viewer = Desk(allow(person(is_staff=True), "identity.view_customer"))
    assert viewer.post(link_path(tom.id), {}).status == 403


def test_a_deactivated_account_gets_no_link(
    desk: Desk, boss: Person, person: Callable[..., Person]
) -> None:
    tom = person("tom")
    Customer.objects.filter(pk=tom.id).update(is_active=False)
    assert desk.post(link_path(tom.id), {}).status == 403
    with pytest.raises(NotFound):
        passwords.offer_reset(boss.caller, tom.id, passwords.Offer("x", None, NOW))


def test_the_rights_are_checked_again_when_the_link_is_made(
    boss: Person, person: Callable[..., Person]
) -> None:
    clerk = allow(person(is_staff=True), "identity.change_customer")
    with pytest.raises(PermissionMissing):
        passwords.offer_reset(clerk.caller, boss.id, passwords.Offer("x", None, NOW))


@pytest.mark.parametrize(
    ("public", "host", "shown"),
    [
        ("https://shop.example", "till.lan", "https://shop.example"),
        ("", "till.lan", "http://till.lan"),
    ],
)
def test_the_link_has_the_address_of_the_shop_or_else_that_of_the_page(
    desk: Desk, person: Callable[..., Person], settings: Any, public: str, host: str, shown: str
) -> None:
    settings.EMAIL_URL, settings.PUBLIC_URL = "", public
    settings.ALLOWED_HOSTS = ["till.lan"]
    path = f"/admin/{link_path(person('tom').id)}"
    answer = desk.client.post(path, {}, headers={"host": host})
    assert answer.context["shown"].startswith(f"{shown}{PAGE}#")
    assert desk.client.post(path, {}, headers={"host": "forged.example"}).status_code == 400


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_an_invited_person_has_the_roles_and_sets_the_password_with_the_link(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    shown = desk.save(INVITE, **SAM, groups=[role("warehouse"), role("support")])
    sam = Customer.objects.get(username="sam")
    assert (sam.first_name, sam.email, sam.is_staff) == ("Sam", "sam@example.com", True)
    assert (sam.is_superuser, sam.may_order, sam.has_usable_password()) == (False, True, False)
    assert {group.name for group in sam.groups.all()} == {"warehouse", "support"}
    _, _, token = shown.response.context["shown"].partition("#")
    assert use(token).status == 302
    assert Customer.objects.get(pk=sam.pk).check_password(WANTED)
    assert use(token).errors


def test_the_form_offers_each_role_with_its_use(desk: Desk) -> None:
    Group.objects.create(name="weekend")
    offered = {
        str(text)
        for _, text in desk.get(INVITE).response.context["adminform"].form["groups"].field.choices
    }
    uses = permissions.ROLES_FOR.items()
    assert offered >= {"weekend", *(f"{name}: for {use}" for name, use in uses)}


def test_the_link_of_an_invitation_is_mailed_where_the_shop_sends_mails(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    page = desk.save(INVITE, **SAM, groups=[role("warehouse")])
    assert "on its way to sam@example.com" in page.messages[0]
    invited = Customer.objects.get(username="sam").public_id
    assert Delivery.objects.get().object == str(invited)
    without = desk.save(INVITE, username="tom", groups=[role("warehouse")])
    assert "#" in without.response.context["shown"]
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("public", "place"),
    [
        ("https://shop.example", "https://shop.example/admin/new-password/#"),
        ("", "at /admin/new-password/ of the shop:"),
    ],
)
def test_the_mail_of_an_invitation_has_the_username_and_the_page(
    desk: Desk, settings: Any, public: str, place: str
) -> None:
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://localhost", public
    desk.save(INVITE, **SAM, groups=[role("warehouse")])
    mail = mail_text(Delivery.objects.get())
    assert (mail.to, mail.subject) == (["sam@example.com"], "Your account")
    assert "Your username is sam." in mail.body
    assert place in mail.body
    assert "did not request" not in mail.body
    assert use(re.findall(r"[\w.-]{80,}", str(mail.body))[0]).status == 302
    desk.post(f"identity/customer/{Customer.objects.get(username='sam').pk}/password-link/", {})
    again = mail_text(Delivery.objects.latest("id"))
    assert again.subject == "A new password"
    assert "Your username" not in again.body


def mail_text(delivery: Delivery) -> EmailMultiAlternatives:
    message = Mails().prepare(delivery)
    assert isinstance(message, Message)
    return message.mail


def test_the_audit_trail_has_account_rights_roles_and_link(desk: Desk, boss: Person) -> None:
    desk.save(INVITE, **SAM, groups=[role("warehouse")])
    name = f"customer:{Customer.objects.get(username='sam').public_id}"
    entries = AuditEntry.objects.filter(object=name).order_by("id")
    assert [entry.action for entry in entries] == ["create", "change", "change", "offer_reset"]
    assert {entry.actor for entry in entries} == {boss.customer.public_id}
    assert (entries[1].after, entries[2].after) == ({"is_staff": True}, {"roles": ["warehouse"]})


NEEDED = ("identity.add_customer", "identity.change_customer", "identity.manage_rights")


def test_no_role_is_given_with_a_permission_that_the_user_does_not_have(
    person: Callable[..., Person],
) -> None:
    warehouse = ROLES["warehouse"]
    chief = Desk(allow(person(is_staff=True), *NEEDED, *warehouse))
    page = chief.save(INVITE, **SAM, groups=[role("warehouse"), role("owner")])
    assert "Your account does not have this permission itself" in page.errors["__all__"][0]
    assert not Customer.objects.filter(username="sam").exists()
    assert chief.save(INVITE, **SAM, groups=[role("warehouse")]).errors == {}
    assert Customer.objects.filter(username="sam").exists()


def test_a_refused_invitation_says_why_and_keeps_the_values(
    desk: Desk, person: Callable[..., Person]
) -> None:
    person("Sam", email="sam@example.com")
    page = desk.save(INVITE, **SAM, groups=[role("warehouse")])
    assert set(page.errors) == {"username", "email"}
    assert page.response.context["adminform"].form["email"].value() == "sam@example.com"
    page = desk.save(INVITE, **SAM | {"username": "sam2"}, groups=[role("warehouse")])
    assert page.errors == {"email": ["Another account has this address."]}
    page = desk.save(INVITE, username="tom", email="x", groups=[])
    assert set(page.errors) == {"email"}


@pytest.mark.parametrize("missing", NEEDED)
def test_the_rights_are_checked_again_when_the_account_is_added(
    person: Callable[..., Person], missing: str
) -> None:
    clerk = allow(person(is_staff=True), *{*NEEDED, *ROLES["warehouse"]} - {missing})
    new, roles = NewCustomer(username="sam", password=None), [role("warehouse")]
    with pytest.raises(PermissionMissing) as refused:
        passwords.invite(clerk.caller, new, roles, offer=passwords.Offer("x", None, NOW))
    assert refused.value.permission == missing
    assert not Customer.objects.filter(username="sam").exists()
