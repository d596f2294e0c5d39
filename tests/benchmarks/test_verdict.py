"""The floors, the checked rows, and the report."""

import json
import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot, report
from benchmarks.books import Books
from benchmarks.course import BESIDE, HALF, ONCE, ORDER, PGBENCH, TITLES, Results
from benchmarks.footprint import Memory, Start
from benchmarks.machine import Machine
from benchmarks.measurement import Cpu, Measurement
from benchmarks.report import Report
from benchmarks.verdict import FIGURES, RATIOS, Line, Verdict, judge

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
    "R": 160,
    "bare Django": 100,
    "bare queries": 20,
    "bare WSGI": 900,
    "R304": 70,
    "detail": 60,
    "W": 78,
    "pgbench W": 100,
    "H": 75,
    "pgbench H": 20,
    "WK": 9,
    "pgbench 20": 200,
    "W16": 40,
    "W64": 55,
    "W256": 54,
    "R beside W": 50,
    "W at half": 25,
    "mixed 16": 70,
    "mixed 64": 75,
    "mixed 256": 74,
    "hold": 63,
    "L": 3,
    **dict.fromkeys(ONCE, 42),
}
"""Nothing is missed at these, nor is any goal reached."""


def of(rate: int, *, application: float = 300e-6, postgresql: float = 40e-6) -> list[Measurement]:
    """A round of a second. CPU in seconds a request."""
    cpu = Cpu(application * rate, postgresql * rate, 0.1, 0)
    return [Measurement(1.0, [0.01] * rate, cpu, sent=rate)]


def results(**rates: int) -> Results:
    found = {name: of(rate) for name, rate in (RATES | rates).items()}
    found["W at half"] = [replace(found["W at half"][0], due=25.0)]
    return found | {"pgbench W": of((RATES | rates)["pgbench W"], postgresql=100e-6)}


def line(verdict: Verdict, text: str) -> Line:
    (found,) = (one for one in verdict.lines if one.text == text)
    return found


def test_a_run_that_meets_its_limits_passes() -> None:
    verdict = judge(results(R=150, W=75, H=68), BALANCED)
    assert verdict.counts
    assert verdict.failed == []
    assert all(one.met for one in verdict.lines)


@pytest.mark.parametrize(("name", "limit"), [(one.measured, one.limit) for one in RATIOS])
def test_a_load_without_progress_meets_no_limit(name: str, limit: str) -> None:
    found = line(judge(results(**{name: 0}), BALANCED), f"{name} / {limit}")
    assert found.met is (found.marks.bar is None)
    assert found.passed is (found.marks.floor is None)


@pytest.mark.parametrize(
    ("name", "rate", "text"),
    [
        ("R", 149, "R / bare Django"),
        ("R beside W", 49, "R beside W / bare Django"),
        ("W", 74, "W / pgbench W"),
        ("H", 70, "H / W"),
        ("W at half", 23, "W at half, of what was due"),
    ],
)
def test_a_missed_target_is_reported_and_does_not_fail_the_run(
    name: str, rate: int, text: str
) -> None:
    verdict = judge(results(**{name: rate}), BALANCED)
    assert not line(verdict, text).met
    assert verdict.failed == []


@pytest.mark.parametrize(
    ("name", "rate", "sentence"),
    [
        ("R", 59, "R / bare Django is 59%, the floor is 60%."),
        ("W", 39, "W / pgbench W is 39%, the floor is 40%."),
        ("H", 54, "H / W is 69%, the floor is 70%."),
    ],
)
def test_a_ratio_below_its_floor_fails_the_run(name: str, rate: int, sentence: str) -> None:
    assert sentence in judge(results(**{name: rate}), BALANCED).failed


def test_a_reference_load_without_progress_fails_the_run() -> None:
    assert judge(results(**{"pgbench W": 0}), BALANCED).failed != []


@pytest.mark.parametrize(("latency", "met"), [(0.060, True), (0.061, False)])
def test_the_slowest_hundredth_of_orders_at_64_connections_has_a_bar(
    latency: float, *, met: bool
) -> None:
    found = results()
    found["W64"] = [replace(found["W64"][0], latencies=[latency] * 50)]
    assert line(judge(found, BALANCED), "p99 of W64").met is met


@pytest.mark.parametrize(("latency", "met"), [(0.015, True), (0.016, False)])
def test_the_slowest_hundredth_of_pages_at_16_connections_has_a_bar(
    latency: float, *, met: bool
) -> None:
    found = results()
    found["R"] = [replace(found["R"][0], latencies=[latency] * 80)]
    assert line(judge(found, BALANCED), "p99 of R (16)").met is met


@pytest.mark.parametrize(
    ("application", "met", "reached"), [(199, True, True), (349, True, False), (351, False, False)]
)
def test_the_application_cost_of_an_order_has_a_limit_and_a_goal(
    application: float, *, met: bool, reached: bool
) -> None:
    found = results() | {"W": of(50, application=application / 1e6)}
    cost = line(judge(found, BALANCED), "application's CPU, W")
    assert cost.value == pytest.approx(application)
    assert (cost.met, cost.marks.hold(cost.value, cost.marks.goal)) == (met, reached)


@pytest.mark.parametrize(
    ("postgresql", "met", "passed"), [(39, True, True), (41, False, True), (61, False, False)]
)
def test_the_database_cost_of_an_order_is_compared_with_single_orders(
    postgresql: float, *, met: bool, passed: bool
) -> None:
    found = results() | {"W": of(50, postgresql=postgresql / 1e6)}
    cost = line(judge(found, BALANCED), "PostgreSQL's CPU, W / pgbench W")
    assert cost.value == pytest.approx(postgresql / 100)
    assert (cost.met, cost.passed) == (met, passed)


def test_one_wrong_answer_fails_the_run_and_nothing_counts() -> None:
    found = results()
    answer = "HTTP/1.1 500 Internal Server Error\r\nserver: granian\r\n\r\nno"
    found["H"] = [found["H"][0], *[replace(found["H"][0], failure=answer)] * 2]
    verdict = judge(found, BALANCED)
    (missed,) = verdict.failed
    answers = "H got a wrong answer in 2 of 3: HTTP/1.1 500 Internal Server Error … no"
    assert missed == answers
    assert not verdict.counts


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
    verdict = judge(results(), replace(BALANCED, **wrong))  # type: ignore[arg-type]
    assert len(verdict.failed) == 1
    assert not verdict.counts


@pytest.fixture
def found() -> Report:
    """A report of a run that missed a floor."""
    measured = results(R=10)
    machine = Machine(2, "a processor", 4.0, "6.1", "ext4", "3.11", "18.4", "Django 5.2")
    start = Start(imports=1.25, ready=2.5, worker=90 << 20)
    memory = Memory(worker=150 << 20, application=200 << 20, postgresql=100 << 20)
    return Report(machine, {"rounds": 1}, measured, judge(measured, BALANCED), start, memory)


def test_the_terminal_shows_loads_figures_and_missed_limits(found: Report) -> None:
    shown = report.text(found)
    assert all(name in shown for name in RATES)
    assert all(f"{one.measured} / {one.limit}" in shown for one in RATIOS)
    assert all(one.text in shown for one in FIGURES)
    assert "≥ 60%: FAILED" in shown
    assert "≥ 150%: MISSED" in shown
    assert "FAILED: R / bare Django is 10%, the floor is 60%." in shown
    assert "9 of 10 bars met." in shown


def test_the_report_has_start_and_memory(found: Report) -> None:
    shown = report.text(found)
    assert "2.50 s to the first answer, 1.25 s of imports" in shown
    assert "Memory of a worker: 90 MiB after its start, 150 MiB at most." in shown
    assert "application 200 MiB, PostgreSQL 100 MiB" in shown


def test_limits_of_an_invalid_run_are_not_counted(found: Report) -> None:
    unbalanced = judge(found.results, replace(BALANCED, placed=4))
    shown = report.text(replace(found, verdict=unbalanced))
    assert "bars met" not in shown
    assert "none of these figures counts" in shown


def test_other_processes_on_a_busy_machine_are_reported(found: Report) -> None:
    assert "Other processes" not in report.text(found)
    for rounds in found.results.values():
        rounds[0] = replace(rounds[0], cpu=replace(rounds[0].cpu, others=0.5))
    assert "Other processes took 25% of this machine" in report.text(found)


def test_the_json_has_the_values_of_the_tables(found: Report) -> None:
    kept = json.loads(json.dumps(report.as_json(found)))
    assert (kept["passed"], kept["counts"]) == (False, True)
    assert kept["medians"]["R"]["rate"] == 10
    assert kept["medians"]["R"]["application"] == pytest.approx(300)
    assert kept["start"] == {"imports": 1.25, "ready": 2.5, "worker": 90 << 20}
    (list_page,) = (one for one in kept["verdict"] if one["text"] == "R / bare Django")
    assert list_page == {
        "text": "R / bare Django",
        "unit": "share",
        "value": 0.1,
        "by_cpu": pytest.approx(1340 / 10340),
        "met": False,
        "passed": False,
        "bar": 1.5,
        "goal": None,
        "floor": 0.6,
        "at_most": False,
    }


def test_a_missing_number_is_null_in_json_and_a_dash_in_the_table(found: Report) -> None:
    nobodys = Cpu(math.nan, math.nan, 0.1, 0)
    found.results["R beside W"] = [replace(found.results["R beside W"][0], cpu=nobodys)]
    raw = json.dumps(report.as_json(found), allow_nan=False)
    assert json.loads(raw)["medians"]["R beside W"]["application"] is None
    (row,) = (row for row in found.rows() if row[0] == "R beside W")
    assert row[4:6] == ("–", "–")


def test_the_page_has_the_tables_and_the_plot(found: Report) -> None:
    page = report.markdown(found, "run.svg")
    assert page.count("\n| ") == len(RATES) + 2 + len(RATIOS) + len(FIGURES) + 2
    assert "](run.svg)" in page
    assert "- filesystem: ext4" in page


def test_the_plot_has_a_bar_for_each_load_and_a_line_for_each_limit(
    found: Report,
) -> None:
    rates = {name: one.rate for name, one in found.summaries().items()}
    root = ET.fromstring(plot.svg(rates))  # noqa: S314
    space = "{http://www.w3.org/2000/svg}"
    shown = {name for _, names in plot.GROUPS for name in names}
    assert shown == RATES.keys() - {"W at half"}
    assert len(root.findall(f"{space}rect")) == len(shown) + 1
    wanted = {one.measured for one in RATIOS if one.marks.bar is not None}
    assert len(root.findall(f"{space}path")) == len(wanted & shown)
    assert {"R", "10/s"} <= {text.text for text in root.findall(f"{space}text")}


def test_every_judged_load_is_measured() -> None:
    named = {name for one in RATIOS for name in (one.measured, one.limit)}
    named |= {name for one in FIGURES for name in (one.measured, one.of) if name}
    assert named <= RATES.keys() == TITLES.keys() == {*ORDER, *ONCE, HALF}
    assert {*ORDER} >= PGBENCH


def test_the_maximum_is_measured_before_the_load_of_half_of_it() -> None:
    assert ORDER.index("W") < ORDER.index(BESIDE)


def test_a_load_with_a_floor_is_measured_directly_next_to_its_limit() -> None:
    order = "|".join(ORDER)
    for ours, limit in (("R", "bare Django"), ("W", "pgbench W")):
        assert order.count(f"{ours}|{limit}|{limit}|{ours}|") == 1
        assert ORDER.count(ours) == ORDER.count(limit) == 2
    assert order.count("H|W|pgbench W|pgbench W|W|H|") == 1


def test_no_floor_is_above_its_limit() -> None:
    """A run that meets every bar cannot fail."""
    for marks in (one.marks for one in (*RATIOS, *FIGURES)):
        if marks.floor is not None and marks.bar is not None:
            assert marks.hold(marks.bar, marks.floor)
        if marks.goal is not None:
            assert marks.hold(marks.goal, marks.bar)


def test_a_ratio_of_loads_with_different_counts_uses_their_medians() -> None:
    found = results()
    found["R"] *= 2
    assert judge(found, BALANCED).failed == []
