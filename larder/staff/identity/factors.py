"""The buttons at the account of another member of staff who has lost the second factor, or has
none yet. The user's own factor has another page (second_factor.py)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.http.authentication import secrets
from larder.identity import queries
from larder.identity.services import rights, second_factors
from larder.identity.services.second_factors import Account
from larder.staff.base import Question, ServiceAdmin, ask, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.language import gettext_lazy as _

RESET = _(
    "This removes the second factor and the recovery codes of the account. "
    "Make sure that the right person asks you for it."
)
ENROL = _(
    "With the code and the password a first app is enrolled, once, within 24 hours. "
    "It ends earlier codes. Give it to the person, not to another who asks in their name."
)


class FactorsAdmin(ServiceAdmin):
    """The admin of accounts, with these buttons."""

    def has_factor_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may manage rights and, of an account, whether it is that of
        another member of staff, without rights that the user does not have."""
        if not request.user.has_perm(rights.MANAGE):
            return False
        if object_id is None:
            return True
        found = self.get_object(request, unquote(str(object_id)))
        if found is None or not found.is_staff or found.pk == request.user.pk:
            return False
        return queries.may_manage(caller_of(request), found.pk)

    @button(_("Reset second factor"), permissions=["factor"], url_path="reset-factor", icon="lock")
    def reset_factor(self, request: Any, object_id: str) -> HttpResponse:
        """Asks, then removes the second factor of the account."""
        account, answer = self._confirmed(request, object_id, gettext("Reset second factor"), RESET)
        if answer is not None:
            return answer
        try:
            second_factors.reset(caller_of(request), account)
        except DomainError as refusal:
            return self._refused(request, object_id, refusal)
        self.message_user(request, gettext("The second factor is removed."), messages.SUCCESS)
        return self._back(object_id)

    @button(_("Make an enrolment code"), permissions=["factor"], url_path="enrol-code", icon="pin")
    def enrol_code(self, request: Any, object_id: str) -> HttpResponse:
        """Asks, then shows a new enrolment code of the account, once."""
        account, answer = self._confirmed(
            request, object_id, gettext("Make an enrolment code"), ENROL
        )
        if answer is not None:
            return answer
        try:
            code = second_factors.make_enrolment_code(caller_of(request), account, now=now())
        except DomainError as refusal:
            return self._refused(request, object_id, refusal)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Enrolment code"),
            "text": gettext("Give this code to the person now. It is not shown again."),
            "shown": code,
            "back": self._back(object_id).url,
        }
        return TemplateResponse(request, "staff/shown_once.html", context)

    def _confirmed(
        self, request: Any, object_id: str, title: str, text: str
    ) -> tuple[Account, HttpResponse | None]:
        """Returns the account, and the question if it is not answered yet. The button has checked
        the permission."""
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise PermissionDenied
        require_confirmation(request)
        account = Account(found.pk, found.public_id, secrets())
        if request.method == "POST":
            return account, None
        return account, ask(self, request, Question(title, text, title, [str(found)], []))

    def _refused(self, request: Any, object_id: str, refusal: DomainError) -> HttpResponse:
        self.tell_refusal(request, refusal, {})
        return self._back(object_id)

    def _back(self, object_id: str) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:identity_customer_change", args=[object_id]))
