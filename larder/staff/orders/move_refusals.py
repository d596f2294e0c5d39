"""The sentences of the admin for refused moves and changes of an order."""

from collections.abc import Mapping

from larder.staff.language import gettext_lazy as _
from larder.staff.orders.placing import SENTENCES as OF_NEW_ORDERS
from larder.staff.refusals import Sentence

SENTENCES: Mapping[str, Sentence] = {
    **OF_NEW_ORDERS,
    "currency_changed": Sentence(
        None,
        _("The shop sells in {offered} now: no product can be added to an order in {currency}."),
    ),
    "precondition_failed": Sentence(
        None,
        _(
            "changed by another user after you opened the page. Nothing was done: check the "
            "current state."
        ),
    ),
    "invalid_transition": Sentence(None, _("the status is {from} now. Nothing was done.")),
    "hold_expired": Sentence(
        None, _("the hold has expired, and its units were sold to others. Nothing was done.")
    ),
    "conflicting_repeat": Sentence(
        None, _("this was already done, with different values. Nothing was changed.")
    ),
    "return_exceeds_shipped": Sentence(
        "quantity", _("Too many: {shipped} were shipped, and {returned} were already returned.")
    ),
    "stock_limit_exceeded": Sentence(
        "quantity", _("No product can have more than {limit} units, and {available} are there.")
    ),
}

OF_THE_ORDER = {
    "hold_expired",
    "precondition_failed",
    "invalid_transition",
    "conflicting_repeat",
    "not_found",
}
"""Refusals that no input can correct. They are shown as a message on the page of the order."""
