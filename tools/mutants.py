"""python -m tools.mutants [--number 100] [--seed 1] [--only larder/orders/services ...]

Breaks the last commit at one place after the other (cosmic-ray), runs the tests that name the
broken module, and lists the mutants that no test notices. Mutates a checkout of its own; a sample
of `number` is drawn by the seed. Exit status 1 if less than MINIMUM of them were noticed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from tests import database
from tools.terminal import say

ROOT = Path(__file__).resolve().parents[1]
COSMIC_RAY = [sys.executable, "-m", "uv", "tool", "run", "--from", "cosmic-ray==8.7.0"]
PACKAGES = ("larder/orders", "larder/inventory", "larder/identity")
TIMEOUT_SECONDS = 1800
MINIMUM = 0.9
UNSEEN = ("BitOr", "NumberReplacer", "ReplaceUnaryOperator_USub")
"""Parts of names of operators that are left out: `|` is in types, numbers are in tables."""
MUTANTS = """
SELECT work_items.job_id, module_path, operator_name, start_pos_row, worker_outcome, test_outcome
FROM work_items JOIN mutation_specs USING (job_id) LEFT JOIN work_results USING (job_id)
ORDER BY module_path, start_pos_row
"""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("--number", type=int, default=100, help="of mutants (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=PACKAGES, help="files or folders")
    options = parser.parse_args()
    database.start()
    noticed = lived = 0
    try:
        with checkout() as folder:
            for path in options.only:
                share = max(1, options.number // len(options.only))
                for mutant, outcome in play(folder, path, share, options.seed):
                    noticed += outcome != "SURVIVED"
                    lived += outcome == "SURVIVED"
                    if outcome == "SURVIVED":
                        say(f"Lived: {mutant}")
    finally:
        database.stop()
    say(f"{noticed} of {noticed + lived} mutants were noticed.")
    return 0 if noticed >= MINIMUM * (noticed + lived) else 1


@contextmanager
def checkout() -> Iterator[Path]:
    """Give a checkout of the last commit for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="larder-mutants-") as name:
        folder = Path(name) / "checkout"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, "HEAD"], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def play(folder: Path, path: str, number: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield a sample of the mutants of a path, each with KILLED or SURVIVED."""
    config, every, session = (
        folder / name for name in ("cosmic-ray.toml", "every.sqlite", "session.sqlite")
    )
    every.unlink(missing_ok=True)
    config.write_text(settings(path, []))
    ray(folder, "init", config, every)
    with closing(sqlite3.connect(every)) as store:
        rows = store.execute(MUTANTS).fetchall()
    jobs = [row for row in rows if not any(part in row[2] for part in UNSEEN)]
    sample = Random(seed).sample(jobs, min(number, len(jobs)))  # noqa: S311
    for module in sorted({row[1] for row in sample}):
        shutil.copyfile(every, session)
        with closing(sqlite3.connect(session)) as store:
            keep(store, [row[0] for row in sample if row[1] == module])
        config.write_text(settings(path, tests_of(folder, module)))
        ray(folder, "exec", config, session)
        with closing(sqlite3.connect(session)) as store:
            for _, _, operator, row, worker, test in store.execute(MUTANTS):
                outcome = test if worker == "NORMAL" else worker
                name = operator.rpartition("/")[2]
                yield f"{module}:{row} {name}", str(outcome).rpartition(".")[2]


def settings(path: str, tests: Sequence[str]) -> str:
    """Return cosmic-ray's configuration for these tests."""
    words = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:randomly", *tests]
    return (
        "[cosmic-ray]\n"
        f"module-path = {path!r}\n"
        f"timeout = {TIMEOUT_SECONDS}\n"
        "excluded-modules = ['**/migrations/**', '**/__init__.py']\n"
        f"test-command = {shlex.join(words)!r}\n"
        "[cosmic-ray.distributor]\n"
        "name = 'local'\n"
    )


def tests_of(folder: Path, module: str) -> list[str]:
    """Return the tests that name the module, of its package, of orders and of v1; all where none
    does."""
    _, package, *_ = module.split("/")
    folders = [package, "orders", "system/race", "v1"]
    files = [file for each in folders for file in (folder / "tests" / each).glob("test_*.py")]
    naming = [file for file in files if Path(module).stem in file.read_text()]
    return sorted({str(file.relative_to(folder)) for file in naming or files})


def keep(store: sqlite3.Connection, jobs: Sequence[str]) -> None:
    """Leave only these mutants in the session."""
    marks = ", ".join("?" * len(jobs))
    for table in ("mutation_specs", "work_items"):
        store.execute(f"DELETE FROM {table} WHERE job_id NOT IN ({marks})", jobs)  # noqa: S608
    store.commit()


def ray(folder: Path, *words: str | Path) -> None:
    """Run cosmic-ray in the checkout, with the PostgreSQL of this run for its tests."""
    subprocess.run([*COSMIC_RAY, "cosmic-ray", *words], cwd=folder, env=os.environ, check=True)


if __name__ == "__main__":
    sys.exit(main())
