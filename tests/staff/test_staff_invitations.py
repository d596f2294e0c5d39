"""One page adds a member of staff, with roles and a link for the password."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group

from larder.core.errors import PermissionMissing
from larder.db.idempotency import Claim, Scope
from larder.identity import permissions
from larder.identity.models import AuditEntry, Customer, PasswordReset
from larder.identity.services import resets
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.invitations import NewStaff, invite
from larder.identity.services.rates import Rate, attempts
from larder.notifications.mail_texts import MailText
from larder.notifications.models import Mail
from larder.ops.jobs import mails
from larder.staff.identity.password_links import CONSOLE
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow
from tests.staff.password_links import WANTED, look, use

INVITE = "identity/customer/invite/"
SAM: dict[str, Any] = {"first_name": "Sam", "username": "sam", "email": "sam@example.com"}


def role(name: str) -> int:
    return Group.objects.get(name=name).pk


def test_an_invited_person_has_the_roles_and_sets_the_password_with_the_link(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL = ""
    shown = desk.save(INVITE, **SAM, roles=[role("warehouse"), role("support")])
    sam = Customer.objects.get(username="sam")
    assert (sam.first_name, sam.email, sam.is_staff) == ("Sam", "sam@example.com", True)
    assert (sam.is_superuser, sam.may_order, sam.has_usable_password()) == (False, True, False)
    assert {one.name for one in sam.groups.all()} == {"warehouse", "support"}
    _, _, token = shown.response.context["shown"].partition("#")
    assert use(token).status == 302
    assert Customer.objects.get(pk=sam.pk).check_password(WANTED)
    assert use(token).errors


def test_the_page_of_the_link_names_the_person_and_the_roles(desk: Desk, settings: Any) -> None:
    settings.EMAIL_URL = ""
    shown = desk.save(INVITE, **SAM, roles=[role("warehouse")])
    token = shown.response.context["shown"].partition("#")[2]
    known = [
        ("Username", "sam"),
        ("Roles", "warehouse: for stock, packing, shipping, deliveries and returns"),
    ]
    seen = look(token)
    assert seen.response.context["facts"] == known
    assert "deliveries and returns" in seen.text
    assert token in seen.text
    assert use(token, again="other").response.context["facts"] == known
    wrong = look(token[:-2] + "AA")
    assert wrong.response.context["facts"] == ()
    assert "This code is wrong, was used before, or has expired." in wrong.text
    assert use(token).status == 302
    assert look(token).response.context["facts"] == ()


def test_the_page_after_an_invitation_names_the_person_the_roles_and_the_end(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL, settings.SHOP_TIME_ZONE = "", "Europe/Berlin"
    shown = desk.save(INVITE, **SAM, last_name="Hill", roles=[role("warehouse"), role("support")])
    end = PasswordReset.objects.get().created_at + timedelta(days=3)
    support = "support: for customers and their orders"
    warehouse = "warehouse: for stock, packing, shipping, deliveries and returns"
    assert shown.response.context["facts"] == [
        ("Person", "Sam Hill"),
        ("Username", "sam"),
        ("Roles", f"{support}, {warehouse}"),
        ("Valid until", f"{end.astimezone(ZoneInfo('Europe/Berlin')):%d %b %Y, %H:%M}"),
    ]
    assert "Sam Hill" in shown.text


def test_the_page_of_a_link_of_a_customer_names_no_roles(
    desk: Desk, person: Callable[..., Person], settings: Any
) -> None:
    settings.EMAIL_URL = ""
    tom = person("tom")
    tom.customer.groups.set([role("warehouse")])
    made = desk.post(f"identity/customer/{tom.id}/password-link/", {})
    token = made.response.context["shown"].partition("#")[2]
    assert [title for title, _ in made.response.context["facts"]] == [
        "Username",
        "Valid until",
    ]
    assert look(token).response.context["facts"] == [("Username", "tom")]


def test_wrong_codes_are_limited_also_where_nothing_is_set(
    monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    strict = attempts.Limits(Rate(2, 60), Rate(2, 60), failures=attempts.BOTH)
    limits = {**attempts.NORMAL, "confirm": strict}
    monkeypatch.setattr(attempts, "_setup", [attempts.Setup(limits=limits)])
    wrong = [look(f"wrong {number}") for number in range(3)]
    assert [one.status for one in wrong] == [200, 200, 429]
    assert "Too many attempts." in wrong[-1].text


def test_the_form_offers_each_role_with_its_use_and_none_of_earlier_staff(desk: Desk) -> None:
    Group.objects.create(name="weekend")
    offered = {
        str(text)
        for _, text in desk.get(INVITE).response.context["page"].form["roles"].field.choices
    }
    uses = permissions.ROLES_FOR.items()
    assert offered == {"weekend", *(f"{name}: for {use}" for name, use in uses)}


def test_the_link_of_an_invitation_is_mailed_where_the_shop_sends_mails(
    desk: Desk, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    page = desk.save(INVITE, **SAM, roles=[role("warehouse")])
    assert "on its way to sam@example.com" in page.messages[0]
    assert Mail.objects.get().about == PasswordReset.objects.get(customer__username="sam").pk
    without = desk.save(INVITE, username="tom", roles=[role("warehouse")])
    assert "#" in without.response.context["shown"]
    assert Mail.objects.count() == 1


def test_a_demo_shows_the_link_because_its_mails_go_to_a_log(desk: Desk, settings: Any) -> None:
    settings.EMAIL_URL, settings.EMAIL_BACKEND = "consolemail://", CONSOLE
    page = desk.save(INVITE, **SAM, roles=[role("warehouse")])
    assert page.response.context["shown"].startswith("http://testserver/admin/new-password/#")
    assert "The demo sends no mails: they go to the log of its worker." in page.text
    assert not Mail.objects.exists()


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
    desk.save(INVITE, **SAM, roles=[role("warehouse")])
    mail = mail_text(Mail.objects.get())
    assert (mail.to, mail.subject) == ("sam@example.com", "Your account")
    assert "Your username is sam." in mail.text
    assert place in mail.text
    assert "did not request" not in mail.text
    assert use(re.findall(r"[\w-]{40,}", mail.text)[0]).status == 302
    desk.post(f"identity/customer/{Customer.objects.get(username='sam').pk}/password-link/", {})
    again = mail_text(Mail.objects.latest("created_at"))
    assert again.subject == "A new password"
    assert "Your username" not in again.text


def mail_text(mail: Mail) -> MailText:
    made = mails.KINDS[mail.kind].mail_text(mail.about)
    assert made is not None
    return made


def test_a_form_sent_twice_invites_once(desk: Desk) -> None:
    sent = desk.open(INVITE) | SAM | {"roles": [role("warehouse")]}
    desk.post(INVITE, sent)
    page = desk.post(INVITE, sent)
    assert page.messages == [
        "The account was made before. If the person has no link, press Password link."
    ]
    assert "sent before" in desk.post(INVITE, sent | {"username": "tom"}).errors["__all__"][0]
    assert PasswordReset.objects.count() == 1


def test_the_audit_trail_has_account_rights_roles_and_link(desk: Desk, boss: Person) -> None:
    desk.save(INVITE, **SAM, roles=[role("warehouse")])
    name = f"customer:{Customer.objects.get(username='sam').public_id}"
    found = AuditEntry.objects.filter(object=name).order_by("id")
    assert [one.action for one in found] == ["create", "change", "change", "offer_reset"]
    assert {one.actor for one in found} == {boss.customer.public_id}
    assert (found[1].after, found[2].after) == ({"is_staff": True}, {"roles": ["warehouse"]})


NEEDED = ("identity.add_customer", "identity.change_customer", "identity.manage_rights")


def test_no_role_is_given_with_a_permission_that_the_user_does_not_have(
    person: Callable[..., Person],
) -> None:
    warehouse = permissions.ROLES["warehouse"]
    chief = Desk(allow(person(is_staff=True), *NEEDED, *warehouse))
    page = chief.save(INVITE, **SAM, roles=[role("warehouse"), role("owner")])
    assert "Your account does not have this permission itself" in page.errors["__all__"][0]
    assert not Customer.objects.filter(username="sam").exists()
    assert not PasswordReset.objects.exists()
    assert chief.save(INVITE, **SAM, roles=[role("warehouse")]).errors == {}
    assert Customer.objects.filter(username="sam").exists()


def test_a_refused_invitation_says_why_and_keeps_the_values(
    desk: Desk, person: Callable[..., Person]
) -> None:
    person("Sam", email="sam@example.com")
    page = desk.save(INVITE, **SAM, roles=[role("warehouse")])
    assert set(page.errors) == {"username", "email"}
    assert page.response.context["page"].form["email"].value() == "sam@example.com"
    page = desk.save(INVITE, **SAM | {"username": "sam2"}, roles=[role("warehouse")])
    assert page.errors == {"email": ["Another account has this address."]}
    page = desk.save(INVITE, username="tom", email="x", roles=[])
    assert set(page.errors) == {"email", "roles"}


@pytest.mark.parametrize("missing", NEEDED)
def test_the_rights_are_checked_again_when_the_account_is_added(
    person: Callable[..., Person], missing: str
) -> None:
    clerk = allow(person(is_staff=True), *{*NEEDED, *permissions.ROLES["warehouse"]} - {missing})
    colleague = NewStaff(
        account=NewCustomer(username="sam", password=None), roles=[role("warehouse")]
    )
    link = partial(resets.offer_within, clerk.caller, offer=resets.Offer("x", None, NOW))
    claim = Claim(Scope(clerk.customer.public_id, "invite", "1"), b"")
    with pytest.raises(PermissionMissing) as refused:
        invite(clerk.caller, colleague, claim=claim, link=link, now=NOW)
    assert refused.value.permission == missing
    assert not Customer.objects.filter(username="sam").exists()
