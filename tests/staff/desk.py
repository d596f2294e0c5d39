"""A member of staff at the admin, without a browser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from larder.core.clock import now as clock
from larder.core.limits import LISTED_ROWS
from larder.orders.decision import RequestedLine
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import Person

PRODUCTS = "catalog/product/"


@dataclass(frozen=True, slots=True)
class Page:
    """What the admin answered: after its redirects, where there were some."""

    status: int
    text: str
    errors: dict[str, list[str]]
    messages: list[str]
    response: Any

    @property
    def rows(self) -> list[Any]:
        """The objects of a list."""
        return list(self.response.context["cl"].result_list)


def allow(who: Person, *permissions: str) -> Person:
    """Gives a person these permissions alone: `allow(who, "catalog.view_product")`."""
    who.customer.groups.clear()
    named = Concat("content_type__app_label", Value("."), "codename")
    granted = Permission.objects.alias(named=named).filter(named__in=permissions)
    assert len(granted) == len(permissions)
    who.customer.user_permissions.set(granted)
    return who


def fill(person: Callable[..., Person], product: Callable[..., int]) -> None:
    """A page and more of products with stock, customers, orders and ledger entries."""
    for number in range(LISTED_ROWS + 5):
        who, jam = person(f"buyer {number}"), product(name=f"Jam {number}", stock=50)
        lines = [RequestedLine(jam, 2)]
        order = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
        place_order(order, terms=Terms(currency="GBP"), now=clock())


class Desk:
    """Opens and sends pages as a client that is logged in."""

    def __init__(self, who: Person) -> None:
        self.client = Client()
        self.client.force_login(who.customer)

    def get(self, path: str, **parameters: str) -> Page:
        """A page of the admin; `path` begins behind /admin/."""
        return _page(self.client.get(f"/admin/{path}", parameters, follow=True))

    def queries(self, path: str) -> int:
        """How many queries a page takes, once the process is warm."""
        self.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert self.get(path).status == 200
        return len(captured)

    def post(self, path: str, values: dict[str, Any]) -> Page:
        """Sends a form."""
        return _page(self.client.post(f"/admin/{path}", values, follow=True))

    def open(self, path: str) -> dict[str, Any]:
        """What a browser would send if nothing were changed on the form. The page is not rendered,
        which takes most of its time: test_page_permissions.py and test_german.py open them all."""
        with patch.object(SimpleTemplateResponse, "rendered_content", ""):
            response: Any = self.client.get(f"/admin/{path}", follow=True)
        context = response.context_data
        if "page" in context:
            return _opened(context)
        form = context["adminform"].form
        values = {bound.html_name: bound.value() for bound in form}
        seen = [bound for bound in form if bound.field.show_hidden_initial]
        values |= {bound.html_initial_name: str(bound.initial) for bound in seen}
        return {name: value for name, value in values.items() if value not in (None, False)}

    def save(self, path: str, **changes: Any) -> Page:
        """Opens a form, changes it and sends it."""
        return self.post(path, self.open(path) | changes)


def _forms(context: Any) -> list[Any]:
    """The forms of what is shown: an object's, or those of a page of a form and lines
    (larder/staff/pages.py)."""
    if "page" in context:
        return [context["page"].form, *context["page"].lines]
    return [context["adminform"].form] if "adminform" in context else []


def _opened(context: Any) -> dict[str, Any]:
    """What a browser would send of a page of a form and lines."""
    bound = [field for form in _forms(context) for field in form]
    values = {field.html_name: field.value() for field in bound}
    sent = {
        name: value for name, value in values.items() if not (value in (None, "") or value is False)
    }
    return {**sent, "rows": str(len(context["page"].lines))}


def _errors(context: Any) -> dict[str, list[str]]:
    """The errors of forms by field; those of the lines of a page as "line-0-sku"."""
    return {
        form.add_prefix(name) if form.prefix and name in form.fields else name: list(errors)
        for form in _forms(context)
        for name, errors in form.errors.items()
    }


def _page(response: Any) -> Page:
    context = response.context or {}
    errors = _errors(context)
    messages = [str(message) for message in context.get("messages", [])]
    return Page(
        response.status_code, response.content.decode(errors="replace"), errors, messages, response
    )


def change(product: int) -> str:
    return f"{PRODUCTS}{product}/change/"
