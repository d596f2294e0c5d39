"""Nobody misses what they have done themselves, however far behind the replica is."""

from tests.replica.conftest import Shop
from tests.replica.standby import paused


def test_readings_of_who_echoes_come_from_a_replica_that_has_it_all(shop: Shop) -> None:
    jam, phone = shop.product(), shop.phone()
    order = phone.order(jam)
    shop.catch_up()
    before = shop.reads()
    for path in (f"orders/{order}", "orders", f"orders/{order}/events", f"products/{jam}"):
        assert phone("GET", path).status == 200
    after = shop.reads()
    assert after["replica"] - before.get("replica", 0) == 4, (before, after)


def test_who_echoes_sees_their_order_while_the_replay_stands_still(shop: Shop) -> None:
    jam, phone = shop.product(stock=10), shop.phone()
    shop.catch_up()
    with paused(shop.replica):
        order = phone.order(jam)
        assert phone("GET", f"orders/{order}").status == 200
        assert [one["id"] for one in phone("GET", "orders").body["results"]] == [order]
        assert phone("GET", f"products/{jam}").body["quantity"] == 9
        assert phone("GET", f"stock?products={jam}").body["results"][0]["quantity"] == 9
        listed = phone("GET", f"products?ids={jam}").body["results"]
        assert listed[0]["quantity"] == 9


def test_the_control_who_reads_from_any_replica_misses_it(unguarded: Shop) -> None:
    jam, phone = unguarded.product(stock=10), unguarded.phone()
    unguarded.catch_up()
    with paused(unguarded.replica):
        order = phone.order(jam)
        assert phone("GET", f"orders/{order}").status == 404
        assert phone("GET", f"products/{jam}").body["quantity"] == 10
