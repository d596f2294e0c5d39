"""Changes by staff through an earlier contract are in the audit trail."""

from collections.abc import Callable

from larder.identity.models import AuditEntry
from tests.compat.conftest import ApiClient
from tests.conftest import Person


def test_a_price_and_stock_set_by_staff_are_recorded(
    person: Callable[..., Person],
    product: Callable[..., int],
    client_of: Callable[[Person], ApiClient],
) -> None:
    who, jam = person(is_staff=True, is_superuser=True), product(price="2.95", stock=3)
    reply = client_of(who)("PATCH", f"/api/product/{jam}/", {"price": "1.25", "stock": 8})
    assert reply.status == 200
    rows = AuditEntry.objects.filter(object=f"product:{jam}").order_by("id")
    entries = rows.values_list("actor", "channel", "action", "before", "after")
    by = (who.customer.public_id, "contract3")
    assert list(entries) == [
        (*by, "change", {"price": "2.95"}, {"price": "1.25"}),
        (*by, "adjust", {"available": 3}, {"available": 8, "reason": "correction"}),
    ]
