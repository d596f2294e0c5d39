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
    entries = AuditEntry.objects.order_by("id").values_list("object", "before", "after")
    changed, adjusted = entries
    assert changed == (f"product:{jam}", {"price": "2.95"}, {"price": "1.25"})
    assert adjusted[0].startswith("adjustment:")
    assert adjusted[2] == {"reason": "correction", "lines": 1}
    by = AuditEntry.objects.values_list("actor", "channel").distinct()
    assert list(by) == [(who.customer.public_id, "contract3")]
