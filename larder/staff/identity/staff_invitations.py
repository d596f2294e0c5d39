"""The page on which staff invite a colleague: the account, its roles and the link in one step."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminEmailInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_EMAIL_LENGTH, MAX_PERSON_NAME_LENGTH, MAX_USERNAME_LENGTH
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.identity.permissions import STAFF_BEFORE_ROLES
from larder.identity.services import invitations, resets, rights
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.invitations import Invited, NewStaff
from larder.staff.base import button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.identity.password_links import PasswordLinks, link_offer, role_text
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, reopened, show, words
from larder.staff.refusals import Sentence

NEEDED = (rights.ADD, rights.CHANGE, rights.MANAGE)
"""The permissions of the page."""


class _Roles(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Group) -> str:
        return role_text(obj.name)


class InvitationForm(PageForm):
    """The person, and what they may do."""

    first_name = words(_("First name"), most=MAX_PERSON_NAME_LENGTH, required=False)
    last_name = words(_("Last name"), most=MAX_PERSON_NAME_LENGTH, required=False)
    username = words(
        _("Username"),
        most=MAX_USERNAME_LENGTH,
        help_text=_("The person logs in with it. Colleagues see it at what the person does."),
    )
    email = forms.EmailField(
        label=_("Email"),
        max_length=MAX_EMAIL_LENGTH,
        required=False,
        widget=UnfoldAdminEmailInputWidget(),
        help_text=_("The link is mailed to it. Without one, the link is shown to you."),
    )
    roles = _Roles(
        label=_("Roles"),
        queryset=Group.objects.exclude(name=STAFF_BEFORE_ROLES).order_by("name"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("What the person may do. You can give only roles whose permissions you have."),
    )

    @property
    def colleague(self) -> NewStaff:
        """The person of a valid form."""
        given = self.cleaned_data
        names = ("username", "email", "first_name", "last_name")
        account = NewCustomer(**{name: given[name] for name in names}, password=None)
        return NewStaff(account=account, roles=[role.pk for role in given["roles"]])


class StaffInvitations(PasswordLinks):
    """The admin of accounts, with this page."""

    actions_list: Any = ("invite",)
    invitation_refusals: Mapping[str, Sentence] = {}
    """The messages for refusals of an invitation."""

    def has_invite_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may add accounts and give them roles."""
        return all(request.user.has_perm(one) for one in NEEDED)

    @button(_("Invite staff"), permissions=["invite"], icon="person_add", url_path="invite")
    def invite(self, request: Any) -> HttpResponse:
        """Shows the form, then adds the account and mails or shows its link."""
        require_confirmation(request)
        form = reopened(InvitationForm, request, {})
        page = Page(
            title=gettext("Invite a member of staff"),
            answer=gettext("Invite"),
            back=reverse("admin:identity_customer_changelist"),
            form=form,
            text=gettext(
                "The person sets the password with a link, once, within three days. It is sent to "
                "the email address; if the shop sends no mail to it, it is shown here, once."
            ),
        )
        if request.method != "POST" or not page.is_valid():
            return show(self, request, page)
        try:
            made = _invite(form, request)
        except DomainError as refusal:
            page.refuse(refusal, self.invitation_refusals)
            return show(self, request, page)
        if made.invitation is None:
            text = gettext(
                "The account was made before. If the person has no link, press Password link."
            )
            self.message_user(request, text, messages.INFO)
            back = reverse("admin:identity_customer_change", args=[made.account])
            return HttpResponseRedirect(back)
        return self.hand_over(request, made.invitation, made.account)


def _invite(form: InvitationForm, request: Any) -> Invited:
    person, caller, moment = form.colleague, caller_of(request), now()
    one = person.account
    content = (one.username, one.email, one.first_name, one.last_name, sorted(person.roles))
    scope = Scope(caller.public_id, "POST admin/invite", str(form.cleaned_data["form_key"]))
    claim = Claim(scope, fingerprint(*content), expires_at=moment + RETENTION)
    link = partial(resets.offer_within, caller, offer=link_offer(moment))
    return invitations.invite(caller, person, claim=claim, link=link, now=moment)
