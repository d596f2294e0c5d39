"""After a fail-over earlier positions are ignored, and an ended timeline is not read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import ask, catch_up, change
from tools.local_postgres import Cluster
from tools.local_postgres.standby import standby
from tools.processes import wait_until

pytestmark = pytest.mark.timeout(180)
GROW = "CREATE TABLE public.more AS SELECT generate_series(1, 100000) AS number"


@pytest.fixture
def promoted(primary: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Another replica of the primary, which takes its place: on a separate timeline."""
    with standby(primary, tmp_path / "promoted") as cluster:
        catch_up(primary, cluster)
        assert ask(cluster, "SELECT pg_promote()") == "True"
        yield cluster


def serve(without: str, *clusters: Cluster) -> Server:
    """A server of the first, with replicas."""
    entry = "tests.system.race.unguarded:application" if without else "config.wsgi:application"
    options = environment(*clusters) | {"WITHOUT": without}
    return Server(workers=1, application=entry, environment=options)


def found_after_fail_over(server: Server, promoted: Cluster, left_behind: Cluster) -> bool:
    """Whether a customer finds an order placed after it."""
    shop = Shop(server, promoted, left_behind)
    jam, phone = shop.product(), shop.phone()
    order = phone.order(jam)
    return phone("GET", f"orders/{order}").status == 200


@pytest.mark.parametrize("without", ["", "timelines of positions"])
def test_a_replica_of_an_ended_timeline_is_not_read(
    primary: Cluster, replica: Cluster, promoted: Cluster, without: str
) -> None:
    """The control compares the bytes of the log alone."""
    change(primary, GROW)
    change(primary, "DROP TABLE public.more")
    catch_up(primary, replica)
    with serve(without, promoted, replica) as server:
        assert found_after_fail_over(server, promoted, replica) is not bool(without)


def test_a_position_from_before_the_fail_over_is_accepted_and_new_ones_work(
    shop: Shop, promoted: Cluster, tmp_path: Path
) -> None:
    old = shop.phone()
    old.order(shop.product())
    with (
        standby(promoted, tmp_path / "new") as follower,
        serve("", promoted, follower) as server,
    ):
        catch_up(promoted, follower)
        after = Shop(server, promoted, follower)
        jam, phone = after.product(), after.phone()
        phone.position = old.position
        for path in ("products", f"products/{jam}", "orders"):
            assert phone("GET", path).status == 200
        assert "replica" not in after.reads()
        path = f"orders/{phone.order(jam)}"
        assert phone.position != old.position

        def read_from_replica() -> bool:
            before = after.reads().get("replica", 0)
            assert phone("GET", path).status == 200
            return after.reads().get("replica", 0) > before

        assert wait_until(read_from_replica)


@pytest.mark.parametrize("position", ["", "0/16B3748", "A" * 27, "~~~", "A" * 2_000])
def test_an_invalid_position_is_ignored(shop: Shop, position: str) -> None:
    jam = shop.product(stock=3)
    customer = shop.phone()
    phone = Phone(customer.server, customer.token, position)
    for path in ("products", f"products/{jam}", "orders"):
        assert phone("GET", path).status == 200
