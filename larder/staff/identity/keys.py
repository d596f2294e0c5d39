"""The staff screen of API keys: those of all accounts, to see what is in use and to end it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, Value
from django.http import HttpResponse
from django.utils.translation import gettext, ngettext

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.db.fields import Fold
from larder.identity.models import Key
from larder.identity.services import keys
from larder.staff.base import Question, ReadOnlyAdmin, ask, selected
from larder.staff.confirming import require_confirmation
from larder.staff.formatting import customer_name, moment
from larder.staff.language import gettext_lazy as _
from larder.staff.recording import user_as_caller

SOON = timedelta(days=30)
"""The time before its expiry in which a key is listed as one that expires soon."""


def gives(key: Key) -> str:
    """Returns the permissions of a key for staff."""
    named = key.permissions
    if named is None:
        return gettext("all of its owner")
    return ", ".join(named) or gettext("none")


class StateFilter(admin.SimpleListFilter):
    """Filters keys that are live, were never used, expire soon, or have ended or expired."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [
            ("live", gettext("Live")),
            ("unused", gettext("Live, never used")),
            ("expiring", gettext("Expires within {} days").format(SOON.days)),
            ("ended", gettext("Ended or expired")),
        ]

    def queryset(self, request: Any, queryset: Any) -> Any:
        live, moment = queryset.live(), now()
        found = {
            "live": live,
            "unused": live.filter(last_used_at=None),
            "expiring": live.filter(expires_at__lt=moment + SOON),
            "ended": queryset.filter(Q(ended_at__isnull=False) | Q(expires_at__lte=moment)),
        }
        return found.get(self.value() or "", queryset)


@admin.register(Key)
class KeyAdmin(ReadOnlyAdmin):
    """The keys of all accounts, the newest first, without the keys themselves."""

    fields = ("account", "name", "kind", "gives", "created", "expiry", "last_use", "end")
    list_display = ("account", "name", "gives", "created", "expiry", "last_use", "end")
    list_filter = (StateFilter,)
    list_select_related = ("customer",)
    search_fields = ("customer__username",)
    search_help_text = _("The user name of the owner")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("end_selected",)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        """Searches for the whole name of an account."""
        named = queryset.alias(owner=Fold("customer__username"))
        return (named.filter(owner=Fold(Value(search_term))) if search_term else queryset), False

    def has_end_permission(self, request: Any, object_id: Any = None) -> bool:
        """Returns whether the user may end keys."""
        return self.may(request, "delete")

    @admin.action(description=_("End"), permissions=["end"])
    def end_selected(self, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then ends every selected key."""
        chosen = selected(self, request, queryset.select_related("customer").order_by("id"))
        if chosen and "confirmed" not in request.POST:
            return ask(self, request, _question(chosen))
        if chosen:
            require_confirmation(request)
            ended = sum(_end(request, one) for one in chosen)
            level = messages.SUCCESS if ended == len(chosen) else messages.WARNING
            before = len(chosen) - ended
            text = ngettext("{} key ended.", "{} keys ended.", ended)
            if before:
                text = ngettext(
                    "{} key ended; {} had ended before.",
                    "{} keys ended; {} had ended before.",
                    ended,
                )
            self.message_user(request, text.format(ended, before), level)
        return None

    @admin.display(description=_("Account"))
    def account(self, key: Key) -> str:
        return customer_name(key.customer)

    @admin.display(description=_("Kind"))
    def kind(self, key: Key) -> str:
        return gettext("created") if key.generation is None else gettext("of an earlier API")

    @admin.display(description=_("Permissions"))
    def gives(self, key: Key) -> str:
        return gives(key)

    @admin.display(description=_("Created"))
    def created(self, key: Key) -> str:
        return moment(key.created_at)

    @admin.display(description=_("Expires"))
    def expiry(self, key: Key) -> str:
        return moment(key.expires_at)

    @admin.display(description=_("Last used"))
    def last_use(self, key: Key) -> str:
        return moment(key.last_used_at)

    @admin.display(description=_("Ended"))
    def end(self, key: Key) -> str:
        return moment(key.ended_at)


def _end(request: Any, key: Key) -> bool:
    """Ends a key. Returns False if it has ended or expired before."""
    try:
        keys.delete_key(key.pk, caller=user_as_caller(request), of_any=True, now=now())
    except NotFound:
        return False
    return True


def _question(selected: Sequence[Key]) -> Question:
    about = [f"{customer_name(one.customer)}: {one}" for one in selected]
    sends = [("action", "end_selected"), ("index", "0"), ("confirmed", "yes")]
    sends += [(ACTION_CHECKBOX_NAME, str(one.pk)) for one in selected]
    text = gettext("Programs that use these keys are refused from now on. This cannot be undone.")
    return Question(gettext("End keys"), text, gettext("End"), about, sends)
