"""Metrics of the whole installation: replicas, stock, invariants."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from larder.catalog.services.products import archive_product
from larder.core.clock import now as clock
from larder.db import database
from larder.ops.books.invariants import INVARIANTS
from larder.ops.telemetry.shop_state import ShopState
from tests.ops.samples import numbers
from tests.ops.worker import run

MakeProduct = Callable[..., int]


def gauges() -> dict[str, float]:
    """Every sample, asked for anew."""
    registry = CollectorRegistry()
    registry.register(ShopState())
    return numbers(generate_latest(registry).decode())


def test_products_out_of_stock_are_those_on_sale_with_zero_units(
    db: None, product: MakeProduct
) -> None:
    product(stock=3)
    gone, archived = product(stock=0), product(stock=0)
    archive_product(product=archived, caller=None, now=clock())
    run("stock")
    values = gauges()
    assert gone
    assert (values["larder_products_sold"], values["larder_products_out_of_stock"]) == (2, 1)
    assert abs(values["larder_looked_at_timestamp_seconds stock"] - clock().timestamp()) < 60


def test_each_invariant_has_its_number_of_violations(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    run("invariants")
    names = [f"larder_invariant_violations {invariant.name}" for invariant in INVARIANTS]
    assert {gauges()[name] for name in names} == {0}
    database.execute(
        "INSERT INTO idempotency_key (actor, operation, key, fingerprint, result, created_at)"
        " VALUES (gen_random_uuid(), 'POST /x', 'k', '', '', now())"
    )
    database.execute("DELETE FROM observation")
    run("invariants")
    assert gauges()["larder_invariant_violations no_claim_is_left_open"] == 1
    assert "An invariant is violated." in caplog.messages


def test_the_shop_is_not_reported_healthy_before_the_first_check(db: None) -> None:
    values = gauges()
    assert not [name for name in values if name.startswith("larder_invariant_violations")]
    assert "larder_products_out_of_stock" not in values
