"""The sentences of the admin for refused orders, and refused moves and changes of them."""

from collections.abc import Mapping

from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import Sentence

SENTENCES: Mapping[str, Sentence] = {
    "unknown_product": Sentence("sku", _("This product is not on sale any more.")),
    "insufficient_stock": Sentence("quantity", _("Only {available} are available.")),
    "order_rule": Sentence(
        "quantity", _("At least {min_quantity}, at most {max_per_order}, in steps of {step}.")
    ),
    "ordering_not_allowed": Sentence("customer", _("This account is not allowed to order.")),
    "idempotency_key_reused": Sentence(
        None, _("This page was sent before with other values, and an order was placed with them.")
    ),
    "order_abandoned": Sentence(None, _("This order was abandoned. Open the page again.")),
    "not_found": Sentence("customer", _("This account does not exist any more.")),
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
