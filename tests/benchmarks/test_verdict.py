"""Floors, books, and what is told of them."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot, report
from benchmarks.books import Books
from benchmarks.course import ORDER, ORDERING, PGBENCH, Results, Step
from benchmarks.machine import Machine
from benchmarks.measurement import Cpu, Measurement
from benchmarks.report import Memory, Report
from benchmarks.verdict import RATIOS, judge

BALANCED = Books(
    acknowledged=5,
    placed=5,
    acknowledged_units=9,
    placed_units=9,
    pgbench_reported=7,
    pgbench_placed=7,
    taken=30,
    sold=30,
    least_available=1,
    invariants="",
)
RATES = {
    "R": 80,
    "bare Django": 100,
    "bare WSGI": 900,
    "R304": 70,
    "W": 45,
    "pgbench W": 100,
    "H": 44,
    "pgbench H": 20,
    "WK": 9,
    "pgbench 20": 200,
    "L": 3,
}


def results(**rates: int) -> Results:
    cpu = Cpu(0.1, 0.1, 0.1, 0)
    return {
        name: [Measurement(1.0, [0.01] * rate, cpu, sent=rate)]
        for name, rate in (RATES | rates).items()
    }


def test_a_run_on_its_floors_passes() -> None:
    assert judge(results(R=75, W=40), BALANCED).missed == []


@pytest.mark.parametrize(("name", "rate"), [("R", 74), ("W", 39), ("W", 0)])
def test_a_ratio_below_its_floor_fails_the_run(name: str, rate: int) -> None:
    (missed,) = judge(results(**{name: rate}), BALANCED).missed
    assert missed.startswith(f"{name} is {rate}%")


def test_a_limit_that_did_nothing_fails_the_run() -> None:
    assert judge(results(**{"pgbench W": 0}), BALANCED).missed != []


def test_one_wrong_answer_fails_the_run() -> None:
    found = results()
    found["H"] = [replace(found["H"][0], failure="HTTP/1.1 500 Internal Server Error")]
    (missed,) = judge(found, BALANCED).missed
    assert "H got a wrong answer: HTTP/1.1 500" in missed


@pytest.mark.parametrize(
    "wrong",
    [
        {"placed": 6},
        {"placed_units": 8},
        {"pgbench_placed": 6},
        {"taken": 31},
        {"least_available": -1},
        {"invariants": "check_invariants ended with status 1"},
    ],
)
def test_books_that_do_not_balance_fail_the_run(wrong: dict[str, object]) -> None:
    assert len(judge(results(), replace(BALANCED, **wrong)).missed) == 1  # type: ignore[arg-type]


@pytest.fixture
def found() -> Report:
    """A report of a run that missed a floor."""
    measured = results(R=10)
    machine = Machine(2, "a processor", 4.0, "6.1", "ext4", "3.11", "18.4", "Django 5.2")
    steps = [Step(name, f"what {name} is", lambda _: measured["R"][0]) for name in measured]
    verdict = judge(measured, BALANCED)
    return Report(machine, {"rounds": 1}, steps, measured, verdict, Memory(200 << 20, 100 << 20))


def test_the_terminal_shows_every_load_every_ratio_and_what_was_missed(found: Report) -> None:
    shown = report.text(found)
    assert all(name in shown for name in RATES)
    assert shown.count(" / ") == len(RATIOS)
    assert "floor 75%: MISSED" in shown
    assert "MISSED: R is 10% of bare Django, the floor is 75%." in shown
    assert "application 200 MiB, PostgreSQL 100 MiB" in shown


def test_a_machine_that_was_busy_with_something_else_is_reported(found: Report) -> None:
    assert "Other processes" not in report.text(found)
    for rounds in found.results.values():
        rounds[0] = replace(rounds[0], cpu=replace(rounds[0].cpu, others=0.5))
    assert "Other processes took 25% of this machine" in report.text(found)


def test_the_json_holds_what_the_table_shows(found: Report) -> None:
    kept = json.loads(json.dumps(report.as_json(found)))
    assert kept["passed"] is False
    assert kept["medians"]["R"]["rate"] == 10
    assert kept["medians"]["R"]["application"] == pytest.approx(10_000)
    assert kept["ratios"][0] == {
        "measured": "R",
        "limit": "bare Django",
        "floor": 0.75,
        "value": 0.1,
        "by_cpu": pytest.approx(0.1),
        "passed": False,
    }


def test_the_page_has_the_table_and_the_plot(found: Report) -> None:
    page = report.markdown(found, "run.svg")
    assert page.count("\n| ") == len(RATES) + 2
    assert "](run.svg)" in page
    assert "- filesystem: ext4" in page


def test_the_plot_has_a_bar_for_each_load_and_a_line_for_each_floor(found: Report) -> None:
    rates = {name: one.rate for name, one in found.summaries().items()}
    root = ET.fromstring(plot.svg(rates, found.verdict.ratios))  # noqa: S314
    space = "{http://www.w3.org/2000/svg}"
    shown = [name for _, names in plot.GROUPS for name in names]
    assert len(root.findall(f"{space}rect")) == len(shown) + 1
    assert len(root.findall(f"{space}path")) == 2
    assert {"R", "10/s"} <= {text.text for text in root.findall(f"{space}text")}


def test_every_ratio_is_of_loads_that_are_measured() -> None:
    named = {name for one in RATIOS for name in (one.measured, one.limit)}
    assert named <= RATES.keys() == set(ORDER)


def test_a_load_and_its_limit_are_measured_equally_often_and_next_to_each_other() -> None:
    for one in RATIOS[:1] + RATIOS[3:5]:
        order = "|".join(ORDER)
        assert ORDER.count(one.measured) == ORDER.count(one.limit)
        assert order.count(f"{one.measured}|{one.limit}") == 1
        assert ORDER.count(one.limit) == 1 or order.count(f"{one.limit}|{one.measured}|") == 1


def test_a_ratio_of_loads_that_are_not_measured_equally_often_takes_their_medians() -> None:
    found = results()
    found["R"] *= 2
    assert judge(found, BALANCED).missed == []
    assert {*ORDERING, *PGBENCH} <= RATES.keys()
