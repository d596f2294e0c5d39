"""`make attack`: what it runs, and what it says of an attack that succeeds."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tools.attack import report
from tools.attack.__main__ import main, missing_programs, strike
from tools.attack.catalogue import ATTACKS, Attack, name
from tools.attack.report import Verdict
from tools.attack.target import NotTried, Target, require


class Whole:
    """A target that nothing happens to."""

    def watched(self) -> Any:
        """Nothing is watched."""
        return pytest.MonkeyPatch.context()

    def heal(self) -> None:
        """Nothing is to be restarted."""


def struck(work: Any) -> report.Result:
    attack = SimpleNamespace(ITEM=0, TITLE="A test", PROMISE="It holds.", attack=work)
    return strike(cast(Attack, attack), cast(Target, Whole()), "Python 3", full=False)


@pytest.mark.parametrize("attack", ATTACKS, ids=name)
def test_every_attack_says_what_it_does_and_what_is_promised(attack: Attack) -> None:
    assert attack.ITEM >= 0
    assert attack.TITLE
    assert re.fullmatch(r"[A-Z].*\.", attack.PROMISE, re.DOTALL), attack.PROMISE
    assert callable(attack.attack)


def test_attacks_can_be_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["attack", "--list"])
    assert main() == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ATTACKS)


def test_an_attack_that_finds_a_promise_broken_is_reported_as_broken() -> None:
    def work(_target: Target, *, full: bool) -> str:
        require(full, "the wrong form")
        return "not reached"

    result = struck(work)
    assert (result.verdict, result.seen) == (Verdict.BROKEN, "the wrong form")


def test_an_attack_that_cannot_be_made_here_is_skipped() -> None:
    def work(_target: Target, *, full: bool) -> str:
        raise NotTried(f"full: {full}")

    result = struck(work)
    assert (result.verdict, result.seen) == (Verdict.SKIPPED, "full: False")


def test_a_server_outside_of_the_path_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing_programs(["sh", "no such program"]) == ["no such program"]


def test_an_error_inside_an_attack_counts_as_broken() -> None:
    def work(_target: Target, *, full: bool) -> str:
        raise ConnectionResetError(104, f"full: {full}")

    assert struck(work).verdict is Verdict.BROKEN


def test_the_summary_counts_every_verdict() -> None:
    def work(_target: Target, *, full: bool) -> str:
        return f"3 requests, full: {full}"

    assert report.summary([struck(work)]).startswith("1 attack, 1 held, 0 broken, 0 skipped")
