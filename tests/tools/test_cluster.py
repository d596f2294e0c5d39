"""`make cluster`: the faults that it finds in answers, and one killed primary."""

import os
import shutil
import sys

import pytest

from tests.database import ROOT
from tests.programs import printed
from tools.cluster.audit import (
    READS_WITHIN_SECONDS,
    Round,
    drill_faults,
    longest_gap,
    once_faults,
    pause_faults,
    percentile,
)
from tools.cluster.faults import Struck
from tools.cluster.load import Tried
from tools.drill.books import Books, Order

PROGRAMS = ("patroni", "etcd", "haproxy", "pgbouncer", "nft", "ip")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def books(*ids: str) -> Books:
    return Books([Order(id, "a", "ada", "placed", 1, {1: 1}) for id in ids], {}, [])  # type: ignore[arg-type]


def kinds(status: int, code: str, id: str, found: Books) -> list[str]:
    tried = Tried("a", "http://app1", 0.0, 1.0, status, code, id)
    return [name for name, _ in once_faults([tried], found)]


def test_an_acknowledged_order_that_the_database_does_not_have_is_lost() -> None:
    assert kinds(201, "", "x", books("x")) == []
    assert kinds(201, "", "x", books()) == ["lost"]
    assert kinds(201, "", "x", books("x", "y")) == ["placed twice"]


@pytest.mark.parametrize(("status", "code"), [(409, "insufficient_stock"), (503, "overloaded")])
def test_an_answer_that_denies_an_existing_order_is_reported(status: int, code: str) -> None:
    assert kinds(status, code, "", books("x")) == ["denied"]
    assert kinds(status, code, "", books()) == []


def test_an_unknown_outcome_denies_nothing() -> None:
    for found in (books("x"), books()):
        assert kinds(503, "outcome_unknown", "", found) == []
        assert kinds(0, "", "", found) == []


def test_sentences_of_the_drill_are_counted_by_kind() -> None:
    said = [
        "Order k was acknowledged and is in the books 0 times.",
        "Order k was acknowledged and is in the books 2 times.",
        "Order k was not found and is in the books 1 times.",
        "Product 1: 3 available and 2 ordered by the answers; the books say 2 and 3.",
    ]
    found = [name for name, _ in drill_faults(said)]
    assert found == ["lost", "placed twice", "denied", "books"]


def test_a_pause_is_that_of_the_server_where_it_is_longest() -> None:
    moments = {"app1": [1.0, 2.0, 3.0, 9.0], "app2": [1.0, 2.0, 8.5]}
    assert longest_gap(moments, 1.5, 10.0) == 6.5
    assert percentile([5.0, 1.0, 3.0], 0.5) == 3.0
    assert percentile([5.0, 1.0, 3.0], 0.99) == 5.0


def test_reads_that_stop_for_longer_than_documented_are_a_fault() -> None:
    def after(reads: float) -> list[str]:
        done = [Round(Struck("machine frozen", "db1", 0.0), 20.0, "db2", 11.0, reads)]
        return [name for name, _ in pause_faults(done)]

    assert after(3.1) == []
    assert after(READS_WITHIN_SECONDS + 0.1) == ["reads paused"]


def test_the_page_says_for_how_long_reads_may_stop() -> None:
    page = (ROOT / "docs" / "explanation" / "trust.md").read_text()
    assert f"no read for {READS_WITHIN_SECONDS:.0f} s" in page


@pytest.mark.system
@pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(one, path=PATH) for one in PROGRAMS),
    reason="needs root and " + ", ".join(PROGRAMS),
)
def test_no_order_is_lost_when_the_primary_is_killed() -> None:
    options = ["--rounds", "1", "--seed", "7", "--only", "postgres killed"]
    command = [sys.executable, "-m", "tools.cluster", *options]
    last = printed(command, environment=os.environ | {"PATH": PATH}, seconds=400).splitlines()[-1]
    assert "lost 0, placed twice 0, denied 0, wrong status 0, reads paused 0" in last
