"""The page on which staff correct stock: one reason, up to a hundred products.

A line shows the figures of its product: after the page was sent, and with scripts as soon as the
SKU is entered (product_choice.py).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.text import capfirst
from django.utils.translation import gettext

from larder.catalog.models import Product
from larder.core.clock import now
from larder.core.limits import MAX_STOCK
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.inventory import queries
from larder.inventory.models import Stock
from larder.inventory.services import adjustments
from larder.inventory.services.adjustments import AdjustmentLine
from larder.staff.base import caller_of
from larder.staff.formatting import grouped, signed
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, choice, long_text, whole
from larder.staff.product_choice import UNKNOWN, ProductLineForm, find_products, sku_field
from larder.staff.refusals import Sentence
from larder.staff.words import word

REASONS = ("received", "counted", "damaged", "lost", "correction")
"""The reasons that staff can select. The API accepts any word."""

SENTENCES: Mapping[str, Sentence] = {
    "insufficient_stock": Sentence(
        "delta", _("Only {available} are available: {requested} cannot be removed.")
    ),
    "count_below_committed": Sentence(
        "counted",
        _(
            "{committed} units are promised to customers and must still be on the shelf, but only "
            "{counted} were counted."
        ),
    ),
    "stock_limit_exceeded": Sentence("delta", _("No product can have more than {limit} units.")),
    "unknown_product": Sentence("sku", UNKNOWN),
}


def _reasons() -> list[tuple[str, str]]:
    return [("", gettext("Select")), *((one, capfirst(word(one))) for one in REASONS)]


class AdjustmentForm(PageForm):
    """The reason of an adjustment, and a note."""

    reason = choice(
        _("Reason"),
        _reasons,
        help_text=_("Why the stock changes. The ledger has it."),
    )
    note = long_text(
        _("Note"),
        help_text=_("For the shop, such as the number of a delivery note. The ledger has it."),
    )


class AdjustmentLineForm(ProductLineForm):
    """A product, with the change of its units or their counted number."""

    sku = sku_field(_("SKU"), "inventory_adjustment")
    delta = whole(_("Change"), least=-MAX_STOCK, most=MAX_STOCK, required=False)
    counted = whole(_("Or counted"), least=0, most=MAX_STOCK, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and (given["delta"] is None) == (given["counted"] is None):
            self.add_error("delta", gettext("Give either a change or a count."))
        elif given.get("delta") == 0:
            self.add_error("delta", gettext("A change of 0 needs no adjustment."))
        return given

    def line(self) -> AdjustmentLine:
        """Returns the adjustment of a valid line."""
        given = self.cleaned_data
        return AdjustmentLine(given["product"], given["delta"], given["counted"])


def is_complete(page: Page) -> bool:
    """Returns whether the page can be booked: all products exist, and a line is filled."""
    valid = page.is_valid()
    find_products(page.filled)
    if valid and not page.filled:
        page.form.add_error(None, gettext("An adjustment has at least one line."))
    return valid and page.is_valid()


def figures(stock: Stock) -> str:
    """Returns the figures of a product for staff who are about to change them."""
    text = gettext("{}: {} available, {} reserved for orders, {} on the shelf")
    units = (stock.available, stock.committed, stock.available + stock.committed)
    return text.format(stock.product.name, *map(grouped, units))


def book(page: Page, request: Any) -> UUID:
    """Books a complete page. Returns the id of the adjustment. Raises the errors of
    `adjust_stock`."""
    given, caller, moment = page.form.cleaned_data, caller_of(request), now()
    lines = [line.line() for line in page.filled if isinstance(line, AdjustmentLineForm)]
    scope = Scope(caller.public_id, "POST admin/adjustment", str(given["form_key"]))
    content = [(line.product, line.delta, line.counted) for line in lines]
    made = adjustments.adjust_stock(
        lines,
        adjustments.Cause(given["reason"], given["note"]),
        caller=caller,
        now=moment,
        claim=Claim(
            scope,
            fingerprint(content, given["reason"], given["note"]),
            expires_at=moment + RETENTION,
        ),
    )
    return made.id


_NAMED_LINES = 4
"""The most lines of an adjustment that the message about it names."""


def booked_text(adjustment: UUID) -> str:
    """Returns what an adjustment changed, in a sentence: the first lines, and how many others."""
    lines = queries.adjustment(adjustment).lines
    if not lines:
        return gettext("Booked: all counts are right, no stock has changed.")
    named = lines[:_NAMED_LINES]
    products = Product.objects.in_bulk([one.product for one in named])
    texts = [
        f"{signed(one.delta)} {products[one.product].name} ({products[one.product].sku})"
        for one in named
    ]
    text = gettext("Booked: {}").format(", ".join(texts))
    others = len(lines) - len(named)
    return gettext("{} and {} more").format(text, grouped(others)) if others else text
