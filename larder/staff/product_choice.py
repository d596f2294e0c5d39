"""Fields in which staff enter the SKU of a product.

While they type, the page offers products by words of SKU or name, and shows the figures of the
product whose SKU was entered. Enter, which a scanner sends, takes the product with this SKU or
barcode, or the only one that is offered (products.js).
"""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.catalog.services.stored_pictures import thumbnail_of
from larder.core.limits import MAX_OFFERED_PRODUCTS, MAX_SHORT_TEXT_LENGTH, MAX_SKU_LENGTH
from larder.core.money import text
from larder.inventory.models import Stock
from larder.inventory.services.adjustments import PERMISSION
from larder.notifications.formatting import amount, grouped
from larder.staff.lists import containing
from larder.staff.pages import LineForm, Page, words
from larder.staff.words import gettext_lazy as _

UNKNOWN = _("No product has this SKU.")

PERMISSIONS = ("orders.view_order", PERMISSION)
"""Each of these permissions allows a page with such a field."""


def sku_field(label: str, **options: Any) -> Any:
    """Returns a field for a SKU. The form needs the scripts of ProductLineForm."""
    field = words(label, most=MAX_SKU_LENGTH, **options)
    field.widget.attrs["data-products"] = reverse_lazy("admin:offered_products")
    return field


class ProductLineForm(LineForm):
    """A line with a product. Subclasses have the field `sku`, a `sku_field`."""

    names = {"product": "sku"}

    class Media:
        js = ("staff/products.js",)

    @property
    def product(self) -> int | None:
        product: int | None = self.cleaned_data.get("product")
        return product


def is_complete(page: Page, nothing: str) -> bool:
    """Returns whether all products of a page exist and a line is filled; `nothing` is the error
    otherwise. Adds to each line the product with its SKU."""
    page.is_complete(nothing)
    typed = [(line, line.cleaned_data.get("sku")) for line in page.filled]
    known = catalog.ids_by_sku({sku for _, sku in typed if sku})
    for line, sku in typed:
        line.cleaned_data["product"] = known.get(sku or "")
        if sku and sku not in known:
            line.blame("sku", UNKNOWN)
    return page.is_valid()


def offers(request: Any) -> HttpResponse:
    """Returns the products that a field offers for what was typed, with their figures."""
    if not any(map(request.user.has_perm, PERMISSIONS)):
        raise PermissionDenied
    term = request.GET.get("q", "").strip()[:MAX_SHORT_TEXT_LENGTH]
    coded = catalog.ids_by_code(term) if term else []
    return JsonResponse({"results": [_offer(stock, coded) for stock in offered(term, coded)]})


def offered(term: str, coded: Collection[int]) -> list[Stock]:
    """Returns the product with the SKU that was typed, or those with the barcode (`coded`), and
    some on sale with these words in name or SKU."""
    if not term:
        return []
    alike = containing(_rows().filter(product__archived_at=None), term, "product__")
    others = alike.exclude(product_id__in=coded)
    return [*_rows().filter(product_id__in=coded), *others[:MAX_OFFERED_PRODUCTS]]


def _rows() -> Any:
    return Stock.objects.select_related("product").order_by("-product_id")


def _offer(stock: Stock, coded: Collection[int]) -> dict[str, Any]:
    """Returns an offered product: a text, and what scripts calculate with. Of an archived product
    nothing can be ordered."""
    product = stock.product
    price = amount(product.price, settings.CURRENCY)
    if product.archived_at:
        price = gettext("not on sale any more")
    units = map(grouped, (stock.available, stock.available + stock.committed))
    figures = gettext("{} available, {} on the shelf").format(*units)
    return {
        "sku": product.sku,
        "is_typed": stock.product_id in coded,
        "name": f"{product.name} · {price} · {figures}",
        "picture": thumbnail_of(product.image_url) or "",
        "price": text(product.price),
        "available": "0" if product.archived_at else str(stock.available),
    }
