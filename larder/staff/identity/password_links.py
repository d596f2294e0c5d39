"""The button at an account whose owner sets the password with a link."""

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.http.addresses import base_url
from larder.http.authentication import secrets
from larder.identity import queries
from larder.identity.permissions import ROLES_FOR
from larder.identity.services import resets
from larder.identity.services.resets import Invitation
from larder.notifications.services import PASSWORD_RESET, queue_mail
from larder.staff.base import Question, ServiceAdmin, ask, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import moment
from larder.staff.identity.customer_search import full_name
from larder.staff.language import gettext_lazy as _

EXPLAINED = _(
    "With the link the person sets a new password, once, within an hour. It is sent to the email "
    "address of the account; if the shop sends no mail to it, the link is shown here, once."
)


CONSOLE = "django.core.mail.backends.console.EmailBackend"


def link_offer(moment: datetime) -> resets.Offer:
    """Returns the offer of a link that is mailed if the shop sends mails."""
    mail = partial(queue_mail, PASSWORD_RESET, now=moment)
    return resets.Offer(secrets()[0], mail if sends_mails() else None, moment)


def sends_mails() -> bool:
    """Returns whether mails reach people. Those of the demo are written to a log."""
    return bool(settings.EMAIL_URL) and settings.EMAIL_BACKEND != CONSOLE


def role_text(role: str) -> str:
    """Returns the name of a role, and what it is for if it is one of the shop software."""
    use = ROLES_FOR.get(role)
    return gettext("{}: for {}").format(role, gettext(use)) if use else role


class PasswordLinks(ServiceAdmin):
    """The admin of accounts, with this button."""

    def has_link_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may set passwords and, of an account, whether it is active and
        has no rights that the user does not have."""
        if not self.may(request, "change") or object_id is None:
            return self.may(request, "change")
        found = self.get_object(request, unquote(str(object_id)))
        if found is None or not found.is_active:
            return False
        return queries.may_manage(caller_of(request), found.pk)

    @button(_("Password link"), permissions=["link"], url_path="password-link", icon="link")
    def password_link(self, request: Any, object_id: str) -> HttpResponse:
        """Asks, then sends the link by mail, or shows it once."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise PermissionDenied
        require_confirmation(request)
        if request.method != "POST":
            question = Question(
                gettext("Password link"),
                EXPLAINED,
                gettext("Make a link"),
                [str(found)],
                [],
                "primary",
            )
            return ask(self, request, question)
        try:
            made = resets.offer_reset(caller_of(request), found.pk, link_offer(now()))
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
            back = reverse("admin:identity_customer_change", args=[found.pk])
            return HttpResponseRedirect(back)
        return self.hand_over(request, made, found.pk)

    def hand_over(self, request: Any, made: Invitation, account: int) -> HttpResponse:
        """Answers that the link is mailed, or shows it once, with the account that it is for."""
        back = reverse("admin:identity_customer_change", args=[account])
        page = f"{base_url(request)}{reverse('new_password')}"
        if made.email:
            text = gettext("The mail is on its way to {}. A code in it can be used at {}")
            self.message_user(request, text.format(made.email, page), messages.SUCCESS)
            return HttpResponseRedirect(back)
        text = gettext("Give this link to the person now. It is not shown again.")
        if settings.EMAIL_URL and not sends_mails():
            text = gettext(
                "The demo sends no mails: they go to the log of its worker. So give this link to "
                "the person now. It is not shown again."
            )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Password link"),
            "text": text,
            "shown": f"{page}#{made.token}",
            "facts": _facts(self.get_object(request, str(account)), made),
            "back": back,
        }
        return TemplateResponse(request, "staff/shown_once.html", context)


def _facts(person: Any, made: Invitation) -> list[tuple[str, str]]:
    """Returns the account of a link, the roles of a member of staff, and the time when it ends."""
    names = person.groups.order_by("name").values_list("name", flat=True) if person.is_staff else ()
    roles = ", ".join(map(role_text, names))
    facts = [
        (gettext("Person"), full_name(person)),
        (gettext("Username"), person.username),
        (gettext("Roles"), roles),
        (gettext("Valid until"), moment(made.until)),
    ]
    return [(title, fact) for title, fact in facts if fact]
