"""A person sets the password with a link that staff made."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from larder.core.errors import NotFound, PermissionMissing
from larder.identity.models import AuditEntry, Customer, PasswordReset
from larder.identity.services import resets
from larder.notifications.models import Mail
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow
from tests.staff.password_links import PAGE, WANTED, use


def link_path(customer: int) -> str:
    return f"identity/customer/{customer}/password-link/"


def make_link(desk: Desk, customer: int) -> str:
    """Returns the token of the link that the page shows."""
    made = desk.post(link_path(customer), {})
    address, _, token = made.response.context["shown"].partition("#")
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


def test_a_new_account_has_its_password_twice_or_not_at_all(desk: Desk) -> None:
    page = desk.save("identity/customer/add/", username="sam", password1=WANTED)
    assert page.errors["password2"] == ["Enter the password twice, or leave both empty."]
    page = desk.save("identity/customer/add/", username="sam", password1=WANTED, password2="other")
    assert page.errors["password2"]
    assert not Customer.objects.filter(username="sam").exists()


def test_a_link_is_over_after_an_hour(desk: Desk, person: Callable[..., Person]) -> None:
    tom = person("tom")
    token = make_link(desk, tom.id)
    for reset in PasswordReset.objects.all():
        reset.created_at -= timedelta(hours=1, seconds=1)
        reset.save()
    assert "has expired" in use(token).errors["reset_token"][0]
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
    assert Mail.objects.get().about == PasswordReset.objects.get(customer=tom.id).pk
    assert "#" in desk.post(link_path(sam.id), {}).response.context["shown"]
    assert Mail.objects.count() == 1


def test_the_audit_trail_has_the_link_without_its_token(
    desk: Desk, boss: Person, person: Callable[..., Person]
) -> None:
    clerk = person("clerk", is_staff=True)
    token = make_link(desk, clerk.id)
    made = AuditEntry.objects.get(action="offer_reset")
    assert (made.actor, made.after) == (boss.customer.public_id, {"mailed": False})
    use(token)
    used = AuditEntry.objects.get(action="set_password")
    assert (used.actor, used.object) == (clerk.customer.public_id, made.object)


def test_staff_make_no_link_for_an_account_with_more_rights(
    boss: Person, person: Callable[..., Person]
) -> None:
    clerk = Desk(allow(person(is_staff=True), "identity.change_customer", "identity.view_customer"))
    tom = person("tom")
    assert clerk.post(link_path(boss.id), {}).status == 403
    assert make_link(clerk, tom.id)
    viewer = Desk(allow(person(is_staff=True), "identity.view_customer"))
    assert viewer.post(link_path(tom.id), {}).status == 403
    assert PasswordReset.objects.count() == 1


def test_a_deactivated_account_gets_no_link(
    desk: Desk, boss: Person, person: Callable[..., Person]
) -> None:
    tom = person("tom")
    Customer.objects.filter(pk=tom.id).update(is_active=False)
    assert desk.post(link_path(tom.id), {}).status == 403
    with pytest.raises(NotFound):
        resets.offer_reset(boss.caller, tom.id, resets.Offer("x", None, NOW))
    assert not PasswordReset.objects.exists()


def test_the_rights_are_checked_again_when_the_link_is_made(
    boss: Person, person: Callable[..., Person]
) -> None:
    clerk = allow(person(is_staff=True), "identity.change_customer")
    with pytest.raises(PermissionMissing):
        resets.offer_reset(clerk.caller, boss.id, resets.Offer("x", None, NOW))
    assert not PasswordReset.objects.exists()


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
    made = desk.client.post(path, {}, headers={"host": host})
    assert made.context["shown"].startswith(f"{shown}{PAGE}#")
    assert desk.client.post(path, {}, headers={"host": "forged.example"}).status_code == 400
    assert PasswordReset.objects.count() == 1
