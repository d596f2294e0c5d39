"""The database is unavailable for a time: the answers to clients, and the recovery."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from time import monotonic, sleep

import pytest

from larder.db.postgresql.connection import ANSWER_TIMEOUT as LONGEST_WAIT
from larder.local.postgresql import Cluster
from larder.ops import serve
from tests.system.faults.conftest import kill
from tests.system.faults.shop import RECOVERY, Shop, Timed
from tests.system.replica.standby import frozen

LONGEST_ANSWER = 3.0
"""Seconds within which a request is answered while the database is away: what is promised."""
HANGS = LONGEST_WAIT + LONGEST_ANSWER
"""Likewise that it hangs, if it was requested already; then a connection is waited for once
more."""
LOADED = 3.0
"""Seconds more that the last of many may wait for a processor of this machine, with its client;
half of them keep the promise even so."""
THREADS = 2 * serve.THREADS
"""Threads of the server: the answers to many more requests do not wait for them."""
BEHIND_OTHERS = frozenset({"database_unavailable", "overloaded"})
"""The codes of requests of one account or address, of which some wait for others."""
HOT = ("token", "list", "detail", "order", "readyz")
"""The requests of many clients at once; registering is left out, for it hashes before it writes."""


def assert_unavailable(
    answers: list[Timed],
    within: float = LONGEST_ANSWER,
    codes: frozenset[str] = frozenset({"database_unavailable"}),
) -> None:
    """Each answer is 503 in time, with Retry-After. It is a problem with its code; the body of
    /readyz names its checks."""
    seconds = sorted(answer.seconds for answer in answers)
    assert seconds[len(seconds) // 2] < within
    assert seconds[-1] < within + LOADED
    assert {answer.reply.status for answer in answers} == {503}
    assert all(int(answer.reply.headers["retry-after"]) > 0 for answer in answers)
    for answer in answers:
        if "checks" in answer.reply.body:
            assert answer.reply.body["checks"]["database"] is False
        else:
            assert answer.reply.headers["content-type"] == "application/problem+json"
            assert answer.reply.body["code"] in codes


def outlast(shop: Shop, cluster: Cluster, seconds: float) -> float:
    """An outage with clients that keep asking; checks their answers. Returns the seconds until the
    shop is back after it."""
    assert shop.refused(times=2) == []
    kill(cluster)
    began = monotonic()
    assert_unavailable(shop.ask_at_once(list(shop.requests)))
    for kind in HOT:
        assert_unavailable(shop.ask_at_once([kind] * 20), codes=BEHIND_OTHERS)
    crowd = list(islice(cycle(HOT), 3 * THREADS))
    assert_unavailable(shop.ask_at_once(crowd), codes=BEHIND_OTHERS)
    while monotonic() - began < seconds:
        assert_unavailable(shop.ask_at_once(crowd), codes=BEHIND_OTHERS)
        assert shop.server.call("GET", "/livez").status == 200
        sleep(1)
    cluster.start()
    return shop.seconds_until_back()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [10, pytest.param(80, marks=pytest.mark.slow)])
def test_all_clients_get_503_during_an_outage_and_are_served_after_it(
    seconds: float, shop: Shop, cluster: Cluster
) -> None:
    assert outlast(shop, cluster, seconds) < RECOVERY


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seconds", [0, pytest.param(80, marks=pytest.mark.slow)])
def test_an_unnoticed_outage_fails_no_later_request(
    seconds: float, shop: Shop, cluster: Cluster
) -> None:
    assert shop.refused(times=4) == []
    kill(cluster)
    sleep(seconds)
    cluster.start()
    assert shop.log_in()
    assert shop.refused(times=4) == []


def test_a_server_started_during_an_outage_answers_503_in_time(
    shop: Shop, cluster: Cluster
) -> None:
    """Its workers have looked up no ended session yet, and all want to at once."""
    kill(cluster)
    assert_unavailable(shop.ask_at_once(["list", "order"] * 16))
    cluster.start()
    assert shop.seconds_until_back() < RECOVERY


@pytest.mark.timeout(180)
def test_a_hanging_database_is_given_up_and_used_again_when_it_answers(
    shop: Shop, cluster: Cluster
) -> None:
    assert shop.refused(times=4) == []
    crowd = list(islice(cycle(HOT), 3 * THREADS))
    with frozen(cluster):
        assert_unavailable(shop.ask_at_once(crowd), within=HANGS, codes=BEHIND_OTHERS)
        # No thread holds a connection any more, and there is none to be had.
        assert_unavailable(shop.ask_at_once(crowd), codes=BEHIND_OTHERS)
    assert shop.seconds_until_back() < RECOVERY


def test_the_server_stays_alive_while_its_database_is_away(shop: Shop, cluster: Cluster) -> None:
    kill(cluster)
    with ThreadPoolExecutor(40) as clients:
        waiting = [clients.submit(shop.ask, "list") for _ in range(20)]
        began = monotonic()
        assert shop.server.call("GET", "/livez").status == 200
        assert monotonic() - began < LONGEST_ANSWER
        assert_unavailable([future.result() for future in waiting])
