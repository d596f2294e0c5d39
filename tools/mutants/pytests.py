"""Runs pytest in a copy of the tree, in a process that has imported everything but the code.

A new interpreter needs seconds until pytest, Django and Hypothesis are there. So each run is forked
from a process that has them and no module of this project (multiprocessing's fork server).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.processes import send

OURS = frozenset({"benchmarks", "config", "larder", "tests", "tools"})
OPTIONS = (
    *("-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout", "0"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning", "--hypothesis-profile", "mutants"),
)
"""Without limits of time for a test: the limit is that of the whole run, and reported apart."""

ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "LARDER_TEST_LONGEST_WAIT": "10"}
"""Of the tests. What a mutant breaks never comes: waiting longer would say nothing more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How pytest ended: its exit status, None where it took too long, and what it printed."""

    status: int | None
    output: str
    pid: int


def run(root: Path, arguments: Sequence[str], *, seconds: float, prepares: bool = False) -> Outcome:
    """Run pytest with these arguments below `root`, and end whatever it has started. With
    `prepares` it starts and prepares a separate PostgreSQL."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tools.mutants.preloaded", __name__])
    with tempfile.NamedTemporaryFile(mode="r", errors="replace") as output:
        environment = dict(os.environ)
        if prepares:
            environment.pop("LARDER_TEST_OWNER_URL", None)
        given = (root, [*OPTIONS, *arguments], environment, output.name)
        process = context.Process(target=_pytest, args=given)
        process.start()
        pid = process.pid or 0
        process.join(seconds)
        status = process.exitcode
        _end_group(pid)
        process.join()
        return Outcome(status, output.read(), pid)


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        # The group is made by the process itself, perhaps not yet.
        send(pid, signal.SIGKILL)


def _pytest(root: Path, arguments: Sequence[str], environment: dict[str, str], output: str) -> None:
    """The forked process: never returns."""
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(environment, **ENVIRONMENT)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(root), *(one for one in sys.path if not _is_the_tree(one))]
    for name in [one for one in sys.modules if one.partition(".")[0] in OURS]:
        del sys.modules[name]
    import pytest
    from hypothesis import Phase, settings

    # An example that kills is enough: to shrink it takes longer than to find it.
    settings.register_profile("mutants", deadline=None, phases=[Phase.explicit, Phase.generate])
    sys.argv = ["pytest", *arguments]
    status = pytest.main([*arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(status))


def _is_the_tree(entry: str) -> bool:
    return (Path(entry or ".") / "larder" / "__init__.py").exists()
