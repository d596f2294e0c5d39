"""The page for staff uses the words of the screens."""

import re
from collections.abc import Callable, Iterator
from html import unescape

from django.test import Client
from django.utils.html import strip_tags

from larder.identity.models import Customer, SavedView
from larder.ops import tasks
from larder.orders.decision import Wanted
from larder.orders.payment_state import Kind
from larder.orders.services.payments import NewPayment, Report, receive_payment
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.staff.desk import Desk
from tools.docs.pages import DOCS

GUIDE = DOCS / "how-to" / "run-the-admin.md"
SCREENS = (
    "",
    "orders/order/",
    "orders/order/telephone/",
    "orders/order/accounting/",
    "orders/order/export/",
    "orders/refunddue/",
    "orders/order/view/",
    "catalog/product/",
    "catalog/product/add/",
    "catalog/product/import-file/",
    "inventory/adjustment/add/",
    "inventory/ledgerentry/",
    "inventory/stock/",
    "inventory/stock/count/",
    "inventory/stock/differences/",
    "identity/customer/",
    "identity/customer/add/",
    "identity/customer/invite/",
    "auth/group/add/",
    "identity/auditentry/",
)
CAPTURE = NewPayment(
    provider="stripe",
    kind=Kind.CAPTURED,
    transaction_id="pi_1",
    amount=1,
    currency="GBP",
    at=NOW,
)


def screens(desk: Desk, product: int, order: object, account: Customer) -> Iterator[str]:
    """Yields the screens of the tasks; ships the order on the way."""
    yield Client().get("/admin/login/").content.decode()
    for path in (*SCREENS, f"catalog/product/{product}/change/"):
        yield desk.get(path).text
    yield desk.get(f"identity/customer/{account.pk}/change/").text
    yield desk.get(f"identity/customer/{account.pk}/password-link/").text
    yield desk.post(f"identity/customer/{account.pk}/password-link/", {}).text
    for move in ("edit", "pack", "cancel", "ship", "deliver", "return"):
        yield desk.get(f"orders/order/{order}/change/").text
        yield desk.get(f"orders/order/{order}/{move}/").text
        if move in {"pack", "ship"}:
            desk.save(f"orders/order/{order}/{move}/")
            yield desk.get(f"orders/order/{order}/change/").text
        elif move not in {"edit", "cancel"}:
            desk.save(f"orders/order/{order}/{move}/")
    unknown = {"code": "no such code", "units": "1", "what": "add"}
    yield desk.save("inventory/stock/count/", **unknown).text
    yield desk.save("inventory/stock/count/", code="JAM", units="1", what="add").text
    yield desk.get("inventory/stock/differences/").text
    desk.post("orders/order/view/", {"name": "To pack"})
    yield desk.get(f"orders/order/view/?view={SavedView.objects.get().pk}").text
    chosen = {"action": "change_prices", "index": "0", "_selected_action": [product]}
    yield desk.post("catalog/product/", chosen).text
    desk.post(f"catalog/product/{product}/archive/", {"seen_version": "1"})
    yield desk.get(f"catalog/product/{product}/change/").text


def test_the_guide_for_staff_has_the_words_of_the_screens(
    desk: Desk, product: Callable[..., int], person: Callable[..., Person]
) -> None:
    mary, jam = person("mary"), product(sku="JAM", name="Red jam")
    placement = Placement(
        customer=mary.id,
        actor=mary.customer.public_id,
        lines=[Wanted(jam, 2)],
        ship_to={"name": "Mary"},
    )
    order = place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id
    receive_payment(Report(payment=CAPTURE, order=order, sent_at=NOW), now=NOW)
    tasks.look_at_stock(0)
    shown = unescape(strip_tags("".join(screens(desk, jam, order, mary.customer))))
    words = set(re.findall(r"\*\*(.+?)\*\*", GUIDE.read_text())) - {"Bold"}
    assert len(words) > 40
    assert [one for one in words if not re.search(rf"\b{re.escape(one)}(?!\w)", shown)] == []
