"""The replica has what the primary has; Prometheus sees both servers."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import psycopg

from tests.conftest import Person
from tests.ops.operators import lost_alerts
from tests.ops.receiver import Receiver
from tests.system.race.shops import OK, HttpShop
from tests.system.stack.front_door import FrontDoor
from tests.system.stack.sessions import session
from tools.processes import wait_until
from tools.stack import Stack

MakePerson = Callable[[], Person]
MakeProduct = Callable[[int], int]
SCRAPED_SECONDS = 60.0
"""Each target is scraped every 15 seconds."""


def one(connection: psycopg.Connection[Any], statement: str) -> Any:
    ((value,),) = connection.execute(statement).fetchall()
    return value


def test_the_replica_receives_orders_and_refuses_writes(
    stack: Stack, shop: HttpShop, customer: MakePerson, product: MakeProduct
) -> None:
    jam, who = product(5), customer()
    shop.enter(who)
    placed = shop.place(who, [(jam, 2)])
    assert placed.code == OK
    with session(stack, "replica_urls") as replica:
        assert one(replica, "SELECT pg_is_in_recovery()")
        found = f"""SELECT count(*) FROM "order" WHERE id = '{placed.content["id"]}'"""
        assert wait_until(lambda: bool(one(replica, found)))
        assert one(replica, f"SELECT available FROM stock WHERE product_id = {jam}") == 3
        try:
            replica.execute("DELETE FROM django_session")
        except psycopg.errors.ReadOnlySqlTransaction as error:
            refusal = error
        assert refusal


def test_the_limits_and_search_path_of_the_role_hold_behind_pgbouncer(stack: Stack) -> None:
    with session(stack, "database_url") as behind, session(stack, "worker_database_url") as direct:
        for name in ("search_path", "statement_timeout", "lock_timeout", "enable_seqscan"):
            assert one(behind, f"SHOW {name}") == one(direct, f"SHOW {name}"), name
        assert one(behind, "SHOW statement_timeout") == "10s"


def prometheus(stack: Stack, path: str) -> Any:
    """What its API answers, or None."""
    url = f"http://{stack.addresses['prometheus']}:9090/api/v1/{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())["data"]


def test_prometheus_scrapes_both_servers(stack: Stack, front: FrontDoor) -> None:
    def healths() -> dict[str, str]:
        found = prometheus(stack, "targets?state=active")["activeTargets"]
        return {one["labels"]["instance"]: one["health"] for one in found}

    expected = [f"{stack.addresses[name]}:8000" for name in ("app1", "app2")]
    expected.append(f"{stack.addresses['prometheus']}:9090")
    assert wait_until(lambda: healths() == dict.fromkeys(expected, "up"), SCRAPED_SECONDS), (
        healths()
    )

    def answers(metric: str) -> bool:
        return bool(prometheus(stack, f"query?query={metric}")["result"])

    assert answers("larder_orders_placed_total")
    # Which needs the right to look at what the replica receives.
    assert wait_until(lambda: answers("larder_replica_lag_bytes"), SCRAPED_SECONDS)


def test_prometheus_accepts_every_rule(stack: Stack) -> None:
    files = [path for path in stack["prometheus"].files if path.match("rules/*.yml")]
    groups = prometheus(stack, "rules")["groups"]
    assert {group["file"].rpartition("/")[2] for group in groups} == {file.name for file in files}
    assert all(rule["health"] != "err" for group in groups for rule in group["rules"])


def test_every_alert_reaches_the_operators(stack: Stack, operators: Receiver) -> None:
    [manager] = prometheus(stack, "alertmanagers")["activeAlertmanagers"]
    assert lost_alerts(manager["url"], operators) == set()
