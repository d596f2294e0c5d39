"""The staff screens of webhooks. A new one shows its secret once; the API makes further ones."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.utils.html import format_html_join
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from larder.core.clock import now
from larder.http.authentication import secrets
from larder.relay.event_types import EVENT_TYPES
from larder.relay.models import Endpoint
from larder.relay.queries import deliveries
from larder.relay.services import endpoints
from larder.staff.confirming import ConfirmedAdmin
from larder.staff.formatting import column, moment, time_column
from larder.staff.pages import show_once
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import VersionedForm
from larder.staff.words import gettext_lazy as _


class EndpointForm(VersionedForm):
    """A webhook; with `is_tested` it is sent a test."""

    events = forms.MultipleChoiceField(
        label=_("Events"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        choices=lambda: [(type.name, gettext(type.label)) for type in EVENT_TYPES.values()],
    )
    disabled = forms.BooleanField(label=_("Disabled"), required=False)
    is_tested = forms.BooleanField(label=_("Send a test"), required=False)

    class Meta:
        labels: ClassVar[dict[str, str]] = {"name": _("Name"), "url": _("Address")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["url"].validators.append(RegexValidator(endpoints.ADDRESS))
        self.initial["disabled"] = self.instance.disabled_at is not None


def _told(endpoint: Endpoint) -> str:
    rows = deliveries(endpoints.CHANNEL, str(endpoint.pk), limit=20)
    cells = ((moment(row.at), row.type, row.object, row.outcome) for row in rows)
    return format_html_join("", "<p>{} · {} · {} · {}</p>", cells)


@admin.register(Endpoint)
class EndpointAdmin(ConfirmedAdmin):
    """Webhooks, with their last deliveries, for those who manage them."""

    permission = endpoints.MANAGE
    form = EndpointForm
    fields = ("name", "url", "events", "disabled", "is_tested", "told")
    readonly_fields = ("told",)
    list_display = ("__str__", "address", "failing", "end")
    ordering = ("id",)
    address = column(_("Address"), lambda endpoint: endpoint.url)
    failing = time_column("failing_since", _("Failing since"))
    end = time_column("disabled_at", _("Disabled"))
    told = column(_("Last deliveries"), _told)

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        sent, caller, at = form.cleaned_data, caller_of(request), now()
        fields = {name: sent[name] for name in ("name", "url", "events")}
        if change:
            fields["disabled"], version = sent["disabled"], sent["seen_version"]
            endpoints.change_endpoint(obj.pk, fields, caller=caller, at=at, version=version)
        else:
            once = claim(caller, "webhook", sent["form_key"], *fields.values())
            made = endpoints.create_endpoint(
                fields, caller=caller, keys=secrets(), at=at, claim=once
            )
            obj.pk, request.secret = made.endpoint, made.text
        if sent["is_tested"]:
            endpoints.send_test(obj.pk, caller=caller, at=at)

    def response_add(self, request: Any, obj: Any, *args: Any) -> Any:
        text = gettext("Copy the secret now. It is not shown again.")
        return show_once(request, text, request.secret or "–", self.list_address)

    def delete_model(self, request: Any, obj: Any) -> None:
        endpoints.delete_endpoint(obj.pk, caller=caller_of(request))
