"""The staff screens of customers, and of the groups that give staff their permissions.

A trigger of identity ends the sessions and keys of a deactivated account. Deleted accounts are not
shown: only their orders are left. Only accounts that may manage rights decide who is staff
and what staff may do. Otherwise staff who may change customers could take over an account with more
rights.
"""

from collections.abc import Mapping
from copy import copy
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import SetPasswordMixin, UsernameField
from django.contrib.auth.models import Group, Permission
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import (
    AdminPasswordChangeForm,
)
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
)

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.limits import MAX_USERNAME_LENGTH
from larder.identity import permissions, queries
from larder.identity.caller import Caller
from larder.identity.models import Customer
from larder.identity.services import accounts, audit, notifier, passwords, rights
from larder.identity.services.accounts import ByStaff, NewCustomer
from larder.staff.base import ServiceAdmin, button, caller_of
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import moment
from larder.staff.identity.contents import customer_contents
from larder.staff.identity.customer_search import description, full_name, search
from larder.staff.identity.factors import FactorsAdmin
from larder.staff.identity.notes import NotableCustomers, customer_notes
from larder.staff.identity.staff_invitations import StaffInvitations
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import RefusableForm, Sentence

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


def _manages_rights(request: Any) -> bool:
    return bool(request.user.has_perm(rights.MANAGE))


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]
    """Sets a customer's password. Writes only the password, because other fields may have changed.

    All sessions and keys of the account end.
    """

    def __init__(self, actor: Caller, user: Any, *args: Any, **kw: Any) -> None:
        super().__init__(user, *args, **kw)
        self.actor = actor

    def set_password_and_save(self, user: Any, *args: Any, commit: bool = True, **kw: Any) -> Any:
        super().set_password_and_save(user, *args, commit=False, **kw)
        passwords.set_password(self.actor, user.pk, user.password, now=now())
        return user


class AccountForm(RefusableForm):
    """Base class of the forms for new and for existing accounts."""

    sentences = SENTENCES
    username = UsernameField(
        label=_("Username"),
        max_length=MAX_USERNAME_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("The person logs in with it."),
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


class CustomerForm(AccountForm):
    """The form of an existing account. Accounts have no version here: the form contains the values
    that were shown, and only changed fields are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = True


class NewCustomerForm(SetPasswordMixin, AccountForm):  # type: ignore[type-arg]
    """The form of a new account: its name, and a password that Django's validators accept, or none:
    the person sets it with a link."""

    password1, password2 = SetPasswordMixin.create_password_fields()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            attrs = {"autocomplete": "new-password"}
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs=attrs)
            self.fields[name].required = False
        self.fields["password2"].help_text = gettext(
            "Leave both empty if the person is to set it: save, then press Password link."
        )

    def clean(self) -> dict[str, Any]:
        first, second = (self.cleaned_data.get(name) for name in ("password1", "password2"))
        if bool(first) != bool(second):
            self.add_error("password2", gettext("Enter the password twice, or leave both empty."))
        self.validate_passwords()
        return super().clean()

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        self.validate_password_for_user(self.instance)

    def new_customer(self) -> NewCustomer:
        """Returns the account of a valid form."""
        given = self.cleaned_data
        names = ("username", "email", "first_name", "last_name")
        return NewCustomer(
            **{name: given[name] for name in names}, password=given["password1"] or None
        )


_STATUS = ("is_active", "may_order", "is_staff")


@admin.register(Customer)
class CustomerAdmin(NotableCustomers, StaffInvitations, FactorsAdmin, UserAdmin):  # type: ignore[type-arg]
    """Accounts. They are deactivated, not deleted, because orders refer to them."""

    form = CustomerForm
    add_form = NewCustomerForm
    add_form_template = None
    invitation_refusals = SENTENCES
    names = ("username", "email", "first_name", "last_name")
    rights = ("is_staff", "is_superuser", "groups")
    facts = ("public_id", "joined", "logged_in")
    add_fieldsets = ((None, {"fields": (*names, "password1", "password2")}),)
    list_display = (
        "username",
        "full_name",
        "email",
        "is_active",
        "may_order",
        "is_staff",
        "joined",
    )
    list_filter = _STATUS
    search_fields = ("username",)
    search_help_text = _("Parts of name, username or email address, or a phone number")
    ordering = ("-id",)
    sortable_by = ()
    filter_horizontal = ()
    actions_detail = ("note", "set_password", "password_link", "reset_factor")
    change_form_outer_after_template = "staff/customer_contents.html"

    class Media:
        css = {"all": ("staff/orders.css",)}

    def render_change_form(self, request: Any, context: Any, *args: Any, **options: Any) -> Any:
        """Shows the customer's orders, addresses and notes below the account."""
        if options.get("obj") is not None:
            context["customer_notes"] = customer_notes(options["obj"])
            context |= customer_contents(request.user, options["obj"].pk)
        return super().render_change_form(request, context, *args, **options)

    def get_queryset(self, request: Any) -> Any:
        """Returns the accounts without deleted ones, which have no personal data any more."""
        return super().get_queryset(request).filter(deleted_at=None)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Searches customers. In other forms they are offered by name."""
        term = search_term.strip()
        is_offer = request.resolver_match.url_name == "autocomplete"
        order = ("last_name", "first_name", "username") if is_offer else self.ordering
        return (search(queryset, term, order) if term else queryset), False

    def choice_text(self, obj: Any) -> str:
        return description(obj)

    @admin.display(description=_("Name"))
    def full_name(self, customer: Any) -> str:
        return full_name(customer)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        return (
            (None, {"fields": self.names}),
            (_("Status"), {"fields": ("is_active", "may_order")}),
            *(((_("Rights"), {"fields": self.rights}),) if _manages_rights(request) else ()),
            (_("Current state"), {"fields": self.facts}),
        )

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        if obj is None:
            return ()
        own = (*self.rights, "is_active") if obj.pk == request.user.pk else ()
        superuser = () if request.user.is_superuser else ("is_superuser",)
        return tuple(dict.fromkeys((*self.facts, *own, *superuser)))

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Shows groups as checkboxes, which need no script."""
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
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

    def has_password_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may set passwords. The page checks whose."""
        return self.may(request, "change")

    @method_decorator(sensitive_post_parameters())
    def add_view(self, request: Any, form_url: str = "", extra_context: Any = None) -> Any:
        """Calls Django's view without its transaction: the registration opens its own."""
        return self._add_view(request, form_url, extra_context)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            by, new = caller_of(request).public_id, form.new_customer()
            obj.pk = accounts.register(new, policy="open", now=now(), by=by).id
            return
        columns = {field.name for field in self.opts.concrete_fields}
        changed = columns.intersection(form.changed_data)
        fields, moment = {name: getattr(obj, name) for name in changed}, now()
        notify = notifier.former_address(now=moment)
        if DANGEROUS.intersection(form.changed_data):
            require_confirmation(request)
        roles = form.cleaned_data["groups"] if "groups" in form.changed_data else None
        groups = None if roles is None else [role.pk for role in roles]
        by_staff = ByStaff(actor=caller_of(request), columns=fields, groups=groups)
        accounts.update_account(obj.pk, by_staff, now=moment, notify=notify)
        obj.refresh_from_db(fields=["is_staff", "password"])
        if obj.is_staff and not obj.has_usable_password():
            self.message_user(request, NO_PASSWORD, messages.WARNING)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Saves nothing: save_model saves the groups."""

    @button(_("Set password"), permissions=["password"], url_path="set-password", icon="key")
    def set_password(self, request: Any, object_id: str) -> HttpResponse:
        """Redirects to Django's form."""
        found = self.get_object(request, object_id)
        if found is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[found.pk]))

    def user_change_password(self, request: Any, id: str, form_url: str = "") -> Any:
        """Calls Django's view, which gives the form no request, with a form that has the caller.
        Shows the refusal of the service, or that too many passwords are being hashed."""
        if self.has_password_permission(request):
            require_confirmation(request)
        page = copy(self)
        page.change_password_form = partial(PasswordForm, caller_of(request))
        try:
            return super(CustomerAdmin, page).user_change_password(request, id, form_url)
        except DomainError as refusal:
            self.tell_refusal(request, refusal, SENTENCES)
        return HttpResponseRedirect(request.get_full_path())

    @admin.display(description=_("Joined"))
    def joined(self, customer: Customer) -> str:
        return moment(customer.date_joined)

    @admin.display(description=_("Last log-in here"))
    def logged_in(self, customer: Customer) -> str:
        return moment(customer.last_login)


class GroupForm(RefusableForm):
    """A group of staff."""

    sentences = SENTENCES

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {"name": _("Staff see it where roles are chosen.")}


admin.site.unregister(Group)


@admin.register(Group)
class StaffGroupAdmin(ServiceAdmin, GroupAdmin):
    """Roles of staff, for those who manage rights. Only Larder's permissions can be granted."""

    form = GroupForm
    refusals = SENTENCES
    filter_horizontal = ()
    list_display = ("name", "accounts")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).annotate(members=Count("user"))

    def has_module_permission(self, request: Any) -> bool:
        return _manages_rights(request)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return _manages_rights(request)

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission
    has_add_permission = has_module_permission

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        kwargs["queryset"] = _grantable()
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        kwargs["help_text"] = _("The permission to delete products allows archiving them.")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        given = form.cleaned_data
        require_confirmation(request)
        granted = [permission.pk for permission in given["permissions"]]
        obj.pk = rights.save_role(caller_of(request), obj.pk, given["name"], granted, now=now())

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Saves nothing: save_model saves the permissions."""

    def delete_model(self, request: Any, obj: Any) -> None:
        require_confirmation(request)
        rights.delete_role(caller_of(request), obj.pk)

    @admin.display(description=_("Accounts"))
    def accounts(self, role: Any) -> int:
        return int(role.members)


def _grantable() -> Any:
    wanted = Q(pk=None)
    for name in permissions.PERMISSIONS:
        app, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return Permission.objects.filter(wanted)
