"""`make attack`: its attacks and its report of an attack that succeeds."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tools.attack import checkouts, report
from tools.attack.__main__ import attack_versions, main, missing_programs, strike
from tools.attack.catalogue import ATTACKS, Attack, name
from tools.attack.report import Verdict
from tools.attack.target import Code, NotTried, Target, require


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
def test_every_attack_has_a_number_and_a_title(attack: Attack) -> None:
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


def test_an_attack_that_cannot_run_is_skipped() -> None:
    def work(_target: Target, *, full: bool) -> str:
        raise NotTried(f"full: {full}")

    result = struck(work)
    assert (result.verdict, result.seen) == (Verdict.SKIPPED, "full: False")


def test_a_program_outside_of_the_path_counts_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing_programs(["sh", "no such program"]) == ["no such program"]


@pytest.mark.system
def test_a_missing_python_is_counted_as_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    own, *others = checkouts.pythons(Code(), tmp_path).items()
    assert own[1] == Code()
    results = attack_versions(ATTACKS[:2], dict(others), full=True)
    assert f" 0 held, 0 broken, {2 * len(others)} skipped" in report.summary(results)
    assert len(others) == len(checkouts.VERSIONS) - 1


@pytest.mark.system
def test_a_python_of_pyenv_is_found_behind_a_broken_shim(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shim, installed = tmp_path / "shims", tmp_path / "versions" / "3.12.1" / "bin"
    for folder, script in ((shim, "exit 127"), (installed, "echo Python 3.12.1")):
        folder.mkdir(parents=True)
        (folder / "python3.12").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "python3.12").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert checkouts._interpreter("3.12") == installed / "python3.12"


def test_an_error_inside_an_attack_counts_as_broken() -> None:
    def work(_target: Target, *, full: bool) -> str:
        raise ConnectionResetError(104, f"full: {full}")

    assert struck(work).verdict is Verdict.BROKEN


def test_the_summary_counts_every_verdict() -> None:
    def work(_target: Target, *, full: bool) -> str:
        return f"3 requests, full: {full}"

    assert report.summary([struck(work)]).startswith("1 attack, 1 held, 0 broken, 0 skipped")
