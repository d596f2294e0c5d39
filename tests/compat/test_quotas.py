"""Orders that are placed through the earlier contracts count for the same quota as those of v1."""

from collections.abc import Callable

import pytest

from larder.db import database
from tests.compat.conftest import ApiClient, assert_books_balance
from tests.compat.shops import PLACES
from tests.conftest import Person
from tests.server import Reply

pytestmark = pytest.mark.system

OF_QUOTAS = "key < '00000000-0000-0100-0000-000000000000'"
EMPTY = (
    "UPDATE rate_limit SET until = statement_timestamp() + interval '2 hours' WHERE " + OF_QUOTAS
)
FULL = "DELETE FROM rate_limit WHERE " + OF_QUOTAS


@pytest.mark.parametrize("api", [name for name in PLACES if name != "v1"])
def test_each_contract_reports_an_exceeded_quota_in_its_format(
    api: str,
    person: Callable[..., Person],
    client_of: Callable[[Person], ApiClient],
    product: Callable[..., int],
) -> None:
    place: Callable[[ApiClient, int], Reply] = PLACES[api]
    app, jam = client_of(person()), product(stock=99)
    placed = place(app, jam)
    assert placed.status < 300
    database.execute(EMPTY)
    refused = place(app, jam) if api != "contract 4" else _submit(app, jam)
    assert refused.status == 429, refused.body
    seconds = refused.headers["retry-after"]
    said = f"Request was throttled. Expected available in {seconds} seconds."
    assert refused.body == {"detail": said}
    assert refused.headers["ratelimit"] == f'"orders";r=0;t={seconds}'
    assert PLACES["v1"](app, jam).body["code"] == "quota_exceeded"
    database.execute(FULL)
    assert PLACES["v1"](app, jam).status == 201
    assert_books_balance()


def _submit(app: ApiClient, product: int) -> Reply:
    """Begins the cart while there is a quota for it."""
    database.execute(FULL)
    order = app("POST", f"/products/{product}/add_to_order/").body["order_id"]
    PLACES["v1"](app, product)
    database.execute(EMPTY)
    return app("POST", f"/orders/{order}/submit/")
