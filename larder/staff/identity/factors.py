"""The button at the account of another member of staff who has lost the second factor. The user's
own factor has another page (second_factor.py)."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.errors import DomainError
from larder.http.authentication import secrets
from larder.identity import queries
from larder.identity.services import rights, second_factors
from larder.identity.services.second_factors import Account
from larder.staff.base import Question, ServiceAdmin, ask, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.language import gettext_lazy as _

RESET = _(
    "This removes the second factor and the recovery codes of the account. The next log-in with "
    "the password enrols another one. Make sure that the right person asks you for it."
)


class FactorsAdmin(ServiceAdmin):
    """The admin of accounts, with this button."""

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
        found = self.get_object(request, unquote(object_id))
        if found is None:
            raise PermissionDenied
        require_confirmation(request)
        if request.method != "POST":
            title = gettext("Reset second factor")
            return ask(self, request, Question(title, RESET, title, [str(found)], []))
        try:
            second_factors.reset(caller_of(request), Account(found.pk, found.public_id, secrets()))
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        else:
            self.message_user(request, gettext("The second factor is removed."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:identity_customer_change", args=[object_id]))
