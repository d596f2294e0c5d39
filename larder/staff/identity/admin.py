"""The staff screens of accounts.

A trigger of identity ends the sessions and keys of a deactivated account. Deleted accounts are not
shown: only their orders are left. Only accounts that may manage rights decide who is staff
and what staff may do. Otherwise staff who may change customers could take over an account with more
rights.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.http.addresses import base_url
from larder.http.authentication import secrets
from larder.http.shop import former_address_notifier
from larder.identity import queries
from larder.identity.models import Customer
from larder.identity.permissions import ROLES_FOR
from larder.identity.services import accounts, audit, passwords, rights, second_factors
from larder.identity.services.accounts import NewCustomer
from larder.identity.services.notes import About
from larder.notifications.delivery import CONSOLE
from larder.relay.services.account_mails import PASSWORD_RESET, queue_mail
from larder.staff.base import button
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import column, moment, time_column
from larder.staff.identity.customers import customer_contents, description, search
from larder.staff.lists import STAFF, label
from larder.staff.notes import NotableAdmin
from larder.staff.pages import ask, show_once
from larder.staff.recording import caller_of
from larder.staff.refusals import RefusableForm, Sentence
from larder.staff.words import gettext_lazy as _

SENTENCES: Mapping[str, Sentence] = {
    "username_taken": Sentence(
        "username", _("Another account has this name. Upper and lower case are the same.")
    ),
    "email_taken": Sentence("email", _("Another account has this address.")),
    "name_taken": Sentence("name", _("Group with this Name already exists.")),
    "own_rights": Sentence(None, _("You cannot change the rights of your own account.")),
    "last_owner": Sentence(
        None,
        _("No account that may manage rights would be left. Give another account the role first."),
    ),
    "permission_missing": Sentence(
        None, _("Your account does not have this permission itself: {permission}.")
    ),
}


DANGEROUS = frozenset({"is_active", "is_staff", "is_superuser", "groups", "email"})
"""Fields of an account whose change needs the password of the user. With another email address the
password of the account can be reset."""


NO_PASSWORD = _("The person has no password. Press Password link.")
INVITED = _(
    "With a role the person is a member of staff, and sets the password with a link, once, within "
    "three days. It is sent to the email address; if the shop sends no mail to it, it is shown to "
    "you, once. You can give only roles whose permissions you have."
)


LINK = _(
    "With the link the person sets a new password, once, within an hour. It is sent to the email "
    "address of the account; if the shop sends no mail to it, the link is shown here, once."
)
RESET = _(
    "This removes the second factor and the recovery codes of the account. The next log-in with "
    "the password enrols another one. Make sure that the right person asks you for it."
)


def link_offer(at: datetime) -> passwords.Offer:
    """Returns the offer of a link that is mailed if mails reach people. Those of the demo are
    written to a log."""
    is_mailed = bool(settings.EMAIL_URL) and settings.EMAIL_BACKEND != CONSOLE
    mail = partial(queue_mail, PASSWORD_RESET, now=at)
    return passwords.Offer(secrets()[0], mail if is_mailed else None, at)


def manages_rights(request: Any) -> bool:
    """Returns whether the user decides who is staff, and what staff may do."""
    return bool(request.user.has_perm(rights.MANAGE))


class CustomerForm(RefusableForm):
    """The form of an account. Accounts have no version here: the form of an existing one contains
    the values that were shown, and only changed fields are written."""

    sentences = SENTENCES
    username = UsernameField(
        label=_("Username"),
        max_length=MAX_USERNAME_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The person logs in with it. Colleagues see it at what the person does."),
    )

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "email": _("The shop's mails go to it, also the link that sets the password."),
            "is_active": _("Turn it off to close the account: its log-ins and keys end at once."),
            "may_order": _("Turn it off for a customer who may log in, but not order."),
            "is_staff": _("May use this admin, as far as the groups below allow."),
            "is_superuser": _("May do everything, without any group. A group is usually better."),
            "groups": _("The roles of a member of staff: what the person may do."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = self.instance.pk is not None


class RolesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Roles, with what each is for."""

    def label_from_instance(self, obj: Group) -> str:
        use = ROLES_FOR.get(obj.name)
        return gettext("{}: for {}").format(obj.name, gettext(use)) if use else obj.name


_STATUS = ("is_active", "may_order", "is_staff")
_FOLDED: Mapping[str, Any] = {"classes": ("collapse",)}


def _is_of_staff(request: Any) -> bool:
    return STAFF in request.GET.items()


@admin.register(Customer)
class CustomerAdmin(NotableAdmin):
    """Accounts. They are deactivated, not deleted, because orders refer to them. A new one has no
    password: its owner sets it with a link."""

    form = CustomerForm
    names = ("username", "email", "first_name", "last_name")
    rights = ("is_staff", "is_superuser", "groups")
    facts = ("public_id", "joined", "logged_in")
    list_display = ("person", "email", "username", "account", "joined")
    list_filter = _STATUS
    search_fields = ("username",)
    search_help_text = _("Parts of name, username or email address, or a phone number")
    ordering = ("-id",)
    actions_detail = ("note", "password_link", "reset_factor")
    change_form_outer_before_template = "staff/customer_contents.html"

    person = column(_("Name"), str)

    @admin.display(description=_("Roles"))
    def roles(self, obj: Any) -> str:
        everything = [gettext("everything")] if obj.is_superuser else []
        return ", ".join([*everything, *map(str, obj.groups.all())]) or "–"

    @admin.display(description=_("Account"))
    def account(self, obj: Any) -> str:
        """Returns what the account may not do; nothing for an account without limits."""
        if not obj.is_active:
            return label(gettext("closed"), "danger")
        return "" if obj.may_order else label(gettext("may not order"), "warning")

    joined = time_column("date_joined", _("Joined"))
    logged_in = time_column("last_login", _("Last log-in here"))

    def render_change_form(self, request: Any, context: Any, *args: Any, **options: Any) -> Any:
        if options.get("obj") is not None:
            context |= customer_contents(request.user, options["obj"])
        return super().render_change_form(request, context, *args, **options)

    def get_queryset(self, request: Any) -> Any:
        """Returns the accounts without deleted ones, which have no personal data any more."""
        rows = super().get_queryset(request).filter(deleted_at=None)
        return rows.prefetch_related("groups") if _is_of_staff(request) else rows

    def get_list_display(self, request: Any) -> Any:
        """Returns the columns: of staff also roles and log-ins."""
        if _is_of_staff(request):
            return ("person", "email", "username", "roles", "account", "logged_in")
        return self.list_display

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Searches customers. In other forms they are offered by name."""
        term = search_term.strip()
        is_offer = request.resolver_match.url_name == "autocomplete"
        order = ("last_name", "first_name", "username") if is_offer else self.ordering
        return (search(queryset, term, order) if term else queryset), False

    def choice_text(self, obj: Any) -> str:
        """Returns what a field of another form that searches shows of a customer."""
        return description(obj)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        if obj is None:
            roles = ((_("Staff"), {"fields": ("groups",), "description": INVITED}),)
            return ((None, {"fields": self.names}), *(roles if manages_rights(request) else ()))
        rights = ((_("Rights"), {"fields": self.rights, **_FOLDED}),)
        return (
            (_("Account"), {"fields": (*self.names, *_STATUS[:2]), **_FOLDED}),
            *(rights if manages_rights(request) else ()),
            (_("More"), {"fields": self.facts, **_FOLDED}),
        )

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        if obj is None:
            return ()
        own = (*self.rights, "is_active") if obj.pk == request.user.pk else ()
        superuser = () if request.user.is_superuser else ("is_superuser",)
        return tuple(dict.fromkeys((*self.facts, *own, *superuser)))

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Shows groups as checkboxes, which need no script."""
        widget = UnfoldAdminCheckboxSelectMultipleWidget()
        kwargs |= {"form_class": RolesField, "widget": widget}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Returns whether the user may change the account: not one with rights that the user does
        not have."""
        may_change = self.may(request, "change")
        return may_change and (obj is None or queries.may_manage(caller_of(request), obj.pk))

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def audited_name(self, obj: Any) -> str:
        return audit.customer_name(obj.public_id)

    def about(self, request: Any, obj: Any) -> About:
        return About(audit.customer_name(obj.public_id), rights.CHANGE, obj.pk)

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
        require_confirmation(request)
        account = self.shown_object(request, object_id)
        if request.method != "POST":
            title, answer, about = (
                gettext("Password link"),
                gettext("Make a link"),
                [description(account)],
            )
            return ask(self, request, title, about, text=LINK, answer=answer)
        try:
            link = passwords.offer_reset(caller_of(request), account.pk, link_offer(now()))
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
            return HttpResponseRedirect(self.change_address(account.pk))
        return self.hand_over(request, link, account)

    def hand_over(self, request: Any, link: passwords.Invitation, account: Any) -> HttpResponse:
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
        return show_once(request, text, f"{page}#{link.token}", back)

    @button(_("Reset second factor"), permissions=["factor"], url_path="reset-factor", icon="lock")
    def reset_factor(self, request: Any, object_id: str) -> HttpResponse:
        require_confirmation(request)
        account = self.shown_object(request, object_id)
        if request.method != "POST":
            title = gettext("Reset second factor")
            return ask(self, request, title, [description(account)], text=RESET, variant="danger")
        try:
            second_factors.reset(caller_of(request), account.pk)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, {})
        else:
            self.message_user(request, gettext("The second factor is removed."), messages.SUCCESS)
        return HttpResponseRedirect(self.change_address(account.pk))

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            self._add(request, obj, form.cleaned_data)
            return
        columns = {field.name for field in self.opts.concrete_fields}
        changed = columns.intersection(form.changed_data)
        fields, at = {name: getattr(obj, name) for name in changed}, now()
        notify = former_address_notifier(at)
        if DANGEROUS.intersection(form.changed_data):
            require_confirmation(request)
        if "groups" in form.changed_data:
            fields["groups"] = [role.pk for role in form.cleaned_data["groups"]]
        caller = caller_of(request)
        accounts.update_account(obj.pk, fields, actor=caller, now=at, notify=notify)
        obj.refresh_from_db(fields=["is_staff", "password"])
        if obj.is_staff and not obj.has_usable_password():
            self.message_user(request, NO_PASSWORD, messages.WARNING)

    def _add(self, request: Any, obj: Any, fields: Any) -> None:
        """Adds an account, and of a member of staff the link that `response_add` hands over."""
        caller, at = caller_of(request), now()
        new = NewCustomer(**{name: fields[name] for name in self.names}, password=None)
        roles = [role.pk for role in fields.get("groups", ())]
        if not roles:
            obj.pk = accounts.register(new, policy="open", now=at, by=caller.public_id).id
            return
        require_confirmation(request)
        obj.pk, request.link = passwords.invite(caller, new, roles, offer=link_offer(at))

    def response_add(self, request: Any, obj: Any, *args: Any, **options: Any) -> HttpResponse:
        link = getattr(request, "link", None)
        if link is not None:
            return self.hand_over(request, link, obj)
        answer: HttpResponse = super().response_add(request, obj, *args, **options)
        return answer
