"""The staff screens of roles, the groups that give staff their permissions."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Count
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from larder.core.clock import now
from larder.identity import permissions
from larder.identity.services import rights
from larder.staff.confirming import ConfirmedAdmin, require_confirmation
from larder.staff.formatting import column
from larder.staff.identity.admin import SENTENCES
from larder.staff.recording import caller_of
from larder.staff.refusals import RefusableForm
from larder.staff.words import gettext_lazy as _


class GroupForm(RefusableForm):
    """A group of staff."""

    sentences = SENTENCES

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {"name": _("Staff see it where roles are chosen.")}


admin.site.unregister(Group)


@admin.register(Group)
class StaffGroupAdmin(ConfirmedAdmin, GroupAdmin):
    """Roles of staff, for those who manage rights. Only Larder's permissions can be granted."""

    permission = rights.MANAGE
    form = GroupForm
    refusals = SENTENCES
    filter_horizontal = ()
    list_display = ("name", "accounts")
    accounts = column(_("Accounts"), lambda role: role.members)

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).annotate(members=Count("user"))

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        names = [name.partition(".")[2] for name in permissions.PERMISSIONS]
        kwargs["queryset"] = Permission.objects.filter(codename__in=names)
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        kwargs["help_text"] = _("The permission to delete products allows archiving them.")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        fields = form.cleaned_data
        granted = [permission.pk for permission in fields["permissions"]]
        obj.pk = rights.save_role(caller_of(request), obj.pk, fields["name"], granted, now=now())

    def delete_model(self, request: Any, obj: Any) -> None:
        require_confirmation(request)
        rights.delete_role(caller_of(request), obj.pk)
