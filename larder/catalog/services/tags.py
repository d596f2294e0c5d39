"""Changes the tags of many products at once."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from larder.catalog.models import Product
from larder.catalog.services.products import product_name
from larder.core.tags import TagChange
from larder.db import versions
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted


def tag_products(
    products: Collection[int], change: TagChange, *, caller: Caller | None, now: datetime
) -> int:
    """Adds and removes tags of the products that are on sale: of all or of none, in one
    transaction. Returns how many changed. Raises InvalidInput (tags), and what `require_permitted`
    raises."""
    entries = []
    with transaction.atomic(durable=True):
        listed = Product.objects.filter(id__in=products, archived_at=None).order_by("id")
        for id, former in listed.select_for_update(no_key=True).values_list("id", "tags"):
            tags = change.applied(former)
            if tags != former:
                row = Product.objects.filter(id=id)
                versions.update(row, None, tags=tags, updated_at=now)
                entries.append(_entry(id, former, tags))
        require_permitted(caller, "catalog.change_product")
        audit.record_all(entries)
    return len(entries)


def _entry(product: int, former: list[str], tags: list[str]) -> audit.Entry:
    return audit.Entry(product_name(product), "change", {"tags": former}, {"tags": tags})
