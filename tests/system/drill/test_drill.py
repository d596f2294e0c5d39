"""The drill: its kills, its output, and a short run."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tools.drill import faults, options
from tools.drill.report import Result, Round
from tools.run.service import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, BackOff

ROOT = Path(__file__).resolve().parents[3]
CORE = {"web-worker", "web-workers", "web-server", "job-worker", "postmaster", "backend"}


def deck(seed: int, rounds: int) -> list[str]:
    return faults.deck(list(faults.FAULTS), rounds, Random(seed))  # noqa: S311


def test_six_rounds_have_every_kind_of_kill_in_the_order_of_the_seed() -> None:
    assert all(set(deck(seed, 6)) == CORE for seed in range(20))
    assert deck(7, 40) == deck(7, 40)
    assert len({tuple(deck(seed, 6)) for seed in range(20)}) > 10
    assert set(deck(7, 20)) == set(faults.FAULTS)


def result(*, within: float, back: float | None) -> Result:
    one = Round("web-worker", "kill -9", [1], 0.0, 1.0, back, 0.1, 0, 0)
    asked = options.parse(["--within", str(within)])
    return Result(asked, [one], answers={}, faults=[], violated=[])  # type: ignore[arg-type]


def test_a_late_or_missing_recovery_is_a_failure() -> None:
    assert result(within=10, back=9.9).good
    assert result(within=10, back=10.1).late == ["kill -9: all was back after 10.10 s."]
    assert not result(within=10, back=None).good


def test_a_seed_is_chosen_and_printed_if_none_is_given() -> None:
    assert options.parse([]).seed != options.parse([]).seed
    assert options.parse(["--seed", "7"]).seed == 7


def test_restarts_after_short_runs_are_delayed_more_and_more() -> None:
    back_off = BackOff()
    assert back_off.ended(0, ran_for=3600) == FIRST_PAUSE_SECONDS
    assert back_off.ended(0, ran_for=1) == 2 * FIRST_PAUSE_SECONDS
    assert max(back_off.ended(0, ran_for=1) for _ in range(20)) == LONGEST_PAUSE_SECONDS
    assert back_off.ended(0, ran_for=20) == FIRST_PAUSE_SECONDS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_drill_loses_nothing_and_all_processes_recover(tmp_path: Path) -> None:
    """Runs each kill once. The time of recovery is not checked here; `make drill` requires 10 s."""
    command = [sys.executable, "-m", "tools.drill", "--rounds", "6", "--seed", "1"]
    done = subprocess.run(
        [*command, "--within", "90", "--results", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed        1\n" in done.stdout
    (written,) = tmp_path.glob("*/result.json")
    answers = json.loads(written.read_text())
    assert answers["good"]
    assert {one["name"] for one in answers["rounds"]} == CORE
    assert sum(one["unanswered"] for one in answers["rounds"]) > 0
    assert answers["answers"]["order acknowledged after a lost reply"] > 0
