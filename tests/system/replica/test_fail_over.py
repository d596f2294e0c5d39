"""After a fail-over replicas of the successor answer clients with new positions. Others are
answered by the primary."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from larder.local.postgresql import Cluster
from tests.server import Server
from tests.system.replica.conftest import Phone, Shop, environment
from tests.system.replica.standby import ask, catch_up, change
from tools.processes import wait_until
from tools.standby import standby

pytestmark = pytest.mark.timeout(180)
GROW = "CREATE TABLE public.more AS SELECT generate_series(1, 100000) AS number"


@pytest.fixture
def promoted(primary: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Another replica of the primary, which takes its place: on a separate timeline."""
    with standby(primary, tmp_path / "promoted") as cluster:
        catch_up(primary, cluster)
        assert ask(cluster, "SELECT pg_promote()") == "True"
        yield cluster


def serve(*clusters: Cluster) -> Server:
    """A server of the first, with replicas."""
    return Server(workers=1, environment=environment(*clusters))


def found_after_fail_over(server: Server, promoted: Cluster, left_behind: Cluster) -> bool:
    """Whether a customer finds an order placed after it."""
    shop = Shop(server, promoted, left_behind)
    jam, phone = shop.product(), shop.phone()
    order = phone.order(jam)
    return phone("GET", f"orders/{order}").status == 200


def test_a_replica_of_an_ended_timeline_is_not_read(
    primary: Cluster, replica: Cluster, promoted: Cluster
) -> None:
    change(primary, GROW)
    change(primary, "DROP TABLE public.more")
    catch_up(primary, replica)
    with serve(promoted, replica) as server:
        assert found_after_fail_over(server, promoted, replica)


def test_replicas_answer_clients_with_positions_from_after_a_fail_over(
    shop: Shop, promoted: Cluster, tmp_path: Path
) -> None:
    old = shop.phone()
    old.order(shop.product())
    with (
        standby(promoted, tmp_path / "new") as follower,
        serve(promoted, follower) as server,
    ):
        catch_up(promoted, follower)
        after = Shop(server, promoted, follower)
        jam, phone = after.product(), after.phone()
        paths = [f"products/{jam}", f"orders/{phone.order(jam)}"]
        new = phone.position
        assert new != old.position

        def are_read_from_replica(position: str) -> bool:
            before = after.reads().get("replica", 0)
            phone.position = position
            assert [phone("GET", path).status for path in paths] == [200] * len(paths)
            return after.reads().get("replica", 0) == before + len(paths)

        assert wait_until(lambda: are_read_from_replica(new))
        assert not are_read_from_replica(old.position)


@pytest.mark.parametrize("position", ["", "0/16B3748", "A" * 27, "~~~", "A" * 2_000])
def test_an_invalid_position_is_ignored(shop: Shop, position: str) -> None:
    jam = shop.product(stock=3)
    customer = shop.phone()
    phone = Phone(customer.server, customer.token, position)
    for path in ("products", f"products/{jam}", "orders"):
        assert phone("GET", path).status == 200
