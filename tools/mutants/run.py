"""Plays the patches on copies of the tree, several at once, on one PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from queue import SimpleQueue

import psycopg

from tools.errors import LauncherError
from tools.mutants import pytests
from tools.mutants.patches import Patch, applied
from tools.terminal import complain, say

ROOT = Path(__file__).resolve().parents[2]
NOT_COPIED = (
    ".venv*",
    ".data",
    "static",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    ".coverage",
)
LONGEST = 240.0
"""Seconds of a named test."""

LONGEST_SUITE = 1800.0
"""Seconds of the whole suite."""

PASSED, FAILED = 0, 1


class Verdict(Enum):
    """What the test said of a mutant. One that does not get as far as the test shows nothing."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "took too long"
    BROKEN = "did not reach its test"


@dataclass(frozen=True, slots=True)
class Result:
    """A patch and its verdict."""

    patch: Patch
    verdict: Verdict
    output: str


@dataclass(frozen=True, slots=True)
class Run:
    """Copies of the tree, each for one process at a time; `suite` is tried on what survives."""

    root: Path = ROOT
    jobs: int = 2
    suite: Sequence[str] = ()
    _free: SimpleQueue[Path] = field(default_factory=SimpleQueue)

    def play(self, patches: Sequence[Patch]) -> list[Result]:
        """Return the verdict on each patch. Raises LauncherError where a named test fails without
        a patch, for then it says nothing of one."""
        with tempfile.TemporaryDirectory(prefix="larder-mutants-") as folder:
            for number in range(self.jobs):
                self._free.put(copy_tree(self.root, Path(folder) / str(number)))
            self._require_passing(sorted({one.test for one in patches}))
            if self.suite:
                self._require_passing([*self.suite], parts=1)
            with ThreadPoolExecutor(self.jobs) as pool:
                return [*pool.map(self._judged, patches)]

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        copy = self._free.get()
        try:
            yield copy
        finally:
            self._free.put(copy)

    def _require_passing(self, tests: Sequence[str], parts: int | None = None) -> None:
        parts = parts or self.jobs
        given = [tests[at::parts] for at in range(parts)]
        with ThreadPoolExecutor(parts) as pool:
            outcomes = [*pool.map(self._passing, filter(None, given))]
        wrong = [one.output for one in outcomes if one.status != PASSED]
        if wrong:
            raise LauncherError("\n".join([*wrong, "Named tests fail without a mutant."]))

    def _passing(self, tests: Sequence[str]) -> pytests.Outcome:
        with self._copy() as copy:
            outcome = pytests.run(copy, tests, seconds=LONGEST_SUITE)
        drop_database(outcome.pid)
        return outcome

    def _judged(self, patch: Patch) -> Result:
        with self._copy() as copy, applied(patch, copy):
            result = judged(patch, copy, [patch.test], LONGEST)
            if self.suite and result.verdict is not Verdict.KILLED:
                result = judged(patch, copy, self.suite, LONGEST_SUITE)
        if result.verdict is not Verdict.KILLED:
            say(f"{result.verdict.value}: {patch.area}: {patch.name} ({patch.test})")
            if result.verdict is Verdict.BROKEN:
                complain(result.output)
        return result


def judged(patch: Patch, copy: Path, tests: Sequence[str], seconds: float) -> Result:
    """Return what these tests say of the patch that is applied to the copy."""
    outcome = pytests.run(copy, tests, seconds=seconds, prepares=patch.prepares)
    drop_database(outcome.pid)
    verdicts = {None: Verdict.TIMED_OUT, PASSED: Verdict.SURVIVED, FAILED: Verdict.KILLED}
    return Result(patch, verdicts.get(outcome.status, Verdict.BROKEN), outcome.output)


def copy_tree(root: Path, copy: Path) -> Path:
    """Copy a tree with its bytecode; return the copy."""
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    return Path(shutil.copytree(root, copy, symlinks=True, ignore=ignored))


def drop_database(pid: int) -> None:
    """Drop the database that a test process of tests/database.py made: a run has hundreds."""
    owner = os.environ.get("LARDER_TEST_OWNER_URL")
    if owner is None:
        return
    with suppress(psycopg.Error), psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS test_alone_{pid} WITH (FORCE)")
