"""Texts in the language of the request. `make messages` adds new ones to the catalogue.

The services and the APIs have codes and names of fields in English. Names that the models give
their fields are not repeated here.
"""

from collections.abc import Callable
from typing import cast

from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

gettext_lazy = cast(Callable[[str], str], translation.gettext_lazy)


def word(code: str) -> str:
    """Returns a code, such as a status or the name of a field, for staff. In English it is shown as
    it is."""
    spaced = code.replace("_", " ")
    translated = gettext(spaced) if spaced else ""
    return code if translated == spaced else translated


# Statuses of payments, and their kinds.
_("unpaid"), _("authorised"), _("part paid")
_("paid"), _("part refunded"), _("refunded"), _("overpaid"), _("disputed"), _("captured")
_("authorisation released"), _("failed"), _("refund failed"), _("dispute won")
# Events of orders without another text.
_("confirmed"), _("changed")
# Causes of the ledger, and reasons of adjustments.
_("opening"), _("order"), _("hold"), _("release"), _("change"), _("cancel"), _("pack")
_("missing"), _("ship"), _("unship"), _("return"), _("received"), _("counted"), _("damaged")
_("lost"), _("correction"), _("available")
# Actions and channels of the audit trail.
_("create"), _("delete"), _("archive"), _("restore"), _("export"), _("end"), _("set password")
_("offer reset"), _("add note"), _("abandon")
_("record payment"), _("admin"), _("command"), _("import"), _("mail"), _("adjust"), _("place")
_("confirm"), _("deliver"), _("track"), _("unpack"), _("use recovery code")
_("enrol second factor"), _("make recovery codes"), _("remove second factor")
_("reset second factor"), _("end credentials")
# Names in the audit trail and in the events of orders.
_("currency"), _("amount"), _("since"), _("ship to"), _("carrier"), _("tracking number")
_("created at"), _("expires at"), _("archived at"), _("deleted at"), _("ended at"), _("reason")
_("group"), _("groups"), _("personal data"), _("quantities"), _("quantity"), _("roles")
_("factor"), _("left"), _("internal note"), _("line"), _("lines"), _("permission")
_("permissions"), _("mailed"), _("derived"), _("kind"), _("provider"), _("intent")
_("password"), _("filters"), _("searched"), _("rows"), _("committed"), _("cause"), _("version")
