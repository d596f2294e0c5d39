"""The CPU of a list of the admin, as a multiple of Django's own list of the same rows.

Django's own list is that of a ModelAdmin of a plain AdminSite with Django's templates. It has the
same 50 rows and as many columns, all of them fields, and check boxes where Larder's list has them;
no filters, and none of the texts and links that Larder's columns make. They answer in turn,
through the same middleware, with gzip; the least time of each counts. `-s` shows the ratios.
"""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import path

from config import urls
from larder.catalog.models import Product
from larder.core.limits import LISTED_ROWS
from larder.identity.models import Customer
from larder.inventory.models import LedgerEntry, Stock
from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.desk import Desk, fill
from tools.terminal import say

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 12
MOST = 1.5
COLUMNS: dict[type[Model], str] = {
    Order: "number customer status total placed_at requested_for",
    Product: "sku name price category stock__available stock__committed",
    Customer: "username email is_active may_order is_staff date_joined",
    LedgerEntry: "at product__product__name cause reference available_change available_after "
    "committed_change committed_after actor",
    Stock: "product__sku product__name available committed product__low_stock_threshold",
}
RELATED = {Order: ["customer"], Product: ["category", "stock"], LedgerEntry: ["product__product"]}


class PlainAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Django's admin, with its own templates."""

    list_per_page = LISTED_ROWS
    show_full_result_count = False
    ordering = ("-pk",)

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        page: Any = super().changelist_view(request, extra_context)
        page.using = "plain"
        return page


plain = admin.AdminSite("plain")
for _model, _columns in COLUMNS.items():
    plain.register(
        _model,
        PlainAdmin,
        list_display=_columns.split(),
        list_select_related=RELATED.get(_model, ["product"] if _model is Stock else False),
        search_fields=[_columns.split()[0]],
        **({} if _model in (Order, Product) else {"actions": None}),
    )
urlpatterns = [path("admin/plain/", plain.urls), *urls.urlpatterns]


def test_a_list_takes_at_most_one_and_a_half_times_the_cpu_of_djangos_own(
    person: Callable[..., Person], product: Callable[..., int], settings: Any
) -> None:
    fill(person, product)
    client = Desk(person("boss", is_staff=True, is_superuser=True)).client
    larders, own = settings.TEMPLATES[0], Path(admin.__file__).parent / "templates"
    settings.TEMPLATES = [larders, {**larders, "NAME": "plain", "DIRS": [own]}]
    settings.ROOT_URLCONF = __name__
    gc.collect()
    gc.freeze()
    ratios = {model._meta.label_lower: ratio(client, model) for model in COLUMNS}
    gc.unfreeze()
    for label, found in ratios.items():
        say(f"{label}: {found:.2f}")
    assert max(ratios.values()) <= MOST


def ratio(client: Client, model: type[Model]) -> float:
    """The CPU of Larder's list, in multiples of Django's."""
    address = f"{model._meta.app_label}/{model._meta.model_name}/"
    ours, theirs = [], []
    for _ in range(TIMES):
        ours.append(seconds(client, f"/admin/{address}"))
        theirs.append(seconds(client, f"/admin/plain/{address}"))
    return min(ours) / min(theirs)


def seconds(client: Client, address: str) -> float:
    """The CPU of one answer. The client itself would take time for each template."""
    headers: Any = {"PATH_INFO": address, "HTTP_ACCEPT_ENCODING": "gzip"}
    asked = client._base_environ(**headers)  # type: ignore[attr-defined]
    began = time.process_time()
    answer = client.handler(asked)
    took = time.process_time() - began
    assert answer.status_code == 200
    return took
