"""The buttons at an account: the link that sets its password, and the reset of its second factor.
The user's own factor has another page (second_factor.py)."""

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.http.addresses import base_url
from larder.http.authentication import secrets
from larder.identity import queries
from larder.identity.services import passwords, rights, second_factors
from larder.identity.services.passwords import Invitation
from larder.identity.services.second_factors import Account
from larder.notifications.services import PASSWORD_RESET, queue_mail
from larder.staff.base import button
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import moment
from larder.staff.notes import NotableAdmin
from larder.staff.pages import ask, show_once
from larder.staff.recording import caller_of
from larder.staff.words import gettext_lazy as _

LINK = _(
    "With the link the person sets a new password, once, within an hour. It is sent to the email "
    "address of the account; if the shop sends no mail to it, the link is shown here, once."
)
RESET = _(
    "This removes the second factor and the recovery codes of the account. The next log-in with "
    "the password enrols another one. Make sure that the right person asks you for it."
)
CONSOLE = "django.core.mail.backends.console.EmailBackend"


def link_offer(moment: datetime) -> passwords.Offer:
    """Returns the offer of a link that is mailed if mails reach people. Those of the demo are
    written to a log."""
    is_mailed = bool(settings.EMAIL_URL) and settings.EMAIL_BACKEND != CONSOLE
    mail = partial(queue_mail, PASSWORD_RESET, now=moment)
    return passwords.Offer(secrets()[0], mail if is_mailed else None, moment)


class AccountPages(NotableAdmin):
    """The admin of accounts, with these buttons."""

    def _manageable(self, request: Any, object_id: Any) -> Any:
        """Returns the account; None if it has rights that the user does not have."""
        account = self.get_object(request, unquote(str(object_id)))
        is_manageable = account and queries.may_manage(caller_of(request), account.pk)
        return account if is_manageable else None

    def has_link_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may set passwords and, of an account, whether it is active and
        has no rights that the user does not have."""
        if object_id is None or not self.may(request, "change"):
            return self.may(request, "change")
        account = self._manageable(request, object_id)
        return account is not None and account.is_active

    def has_factor_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may manage rights and, of an account, whether it is that of
        another member of staff, without rights that the user does not have."""
        if object_id is None or not request.user.has_perm(rights.MANAGE):
            return bool(request.user.has_perm(rights.MANAGE))
        account = self._manageable(request, object_id)
        return account is not None and account.is_staff and account.pk != request.user.pk

    @button(_("Password link"), permissions=["link"], url_path="password-link", icon="link")
    def password_link(self, request: Any, object_id: str) -> HttpResponse:
        """Asks, then sends the link by mail, or shows it once."""
        require_confirmation(request)
        account = self.shown_object(request, object_id)
        if request.method != "POST":
            title, answer, about = gettext("Password link"), gettext("Make a link"), [str(account)]
            return ask(self, request, title, about, text=LINK, answer=answer)
        try:
            link = passwords.offer_reset(caller_of(request), account.pk, link_offer(now()))
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
            return HttpResponseRedirect(self.change_address(account.pk))
        return self.hand_over(request, link, account)

    def hand_over(self, request: Any, link: Invitation, account: Any) -> HttpResponse:
        """Answers that the link is mailed, or shows it once."""
        back = self.change_address(account.pk)
        page = f"{base_url(request)}{reverse('new_password')}"
        if link.email:
            text = gettext("The mail is on its way to {}. A code in it can be used at {}")
            self.message_user(request, text.format(link.email, page), messages.SUCCESS)
            return HttpResponseRedirect(back)
        text = gettext(
            "Give this link to {} now. It is not shown again. It sets the password until {}."
        ).format(account.username, moment(link.until))
        return show_once(self, request, text, f"{page}#{link.token}", back)

    @button(_("Reset second factor"), permissions=["factor"], url_path="reset-factor", icon="lock")
    def reset_factor(self, request: Any, object_id: str) -> HttpResponse:
        """Asks, then removes the second factor of the account."""
        require_confirmation(request)
        account = self.shown_object(request, object_id)
        if request.method != "POST":
            title = gettext("Reset second factor")
            return ask(self, request, title, [str(account)], text=RESET, variant="danger")
        target = Account(account.pk, account.public_id, secrets())
        try:
            second_factors.reset(caller_of(request), target)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        else:
            self.message_user(request, gettext("The second factor is removed."), messages.SUCCESS)
        return HttpResponseRedirect(self.change_address(account.pk))
