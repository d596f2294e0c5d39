"""python -m tools.earlier_commands [--tests PATHS]: run the commands in a clone, print a table."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.earlier_commands.copy import Copy
from tools.earlier_commands.plan import Step, plan
from tools.errors import LauncherError
from tools.local_postgres import temporary_cluster
from tools.ports import free_port, listens
from tools.terminal import complain, say

CHECKOUT = Path(__file__).resolve().parents[2]
PORT = 8000
PROJECT = "larder-earlier-commands"
"""Of compose: the containers and data of a development set that runs are others."""
FAILED, NO_DOCKER = "FAILED", "no Docker here"
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV", "DATA", "SECRETS", "PYTEST_ARGS"}


def main() -> int:
    """Return 1 if a command failed. Without an engine, commands that need one are left out."""
    parser = argparse.ArgumentParser(prog="python -m tools.earlier_commands")
    parser.add_argument("--tests", default="", help="paths to test in place of all of `make test`")
    parser.add_argument("--readmes", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    # Python's own handlers would leave the containers; a shell's background ignores INT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(1))
    steps = plan(options.tests)
    with tempfile.TemporaryDirectory(prefix="larder-") as folder, temporary_cluster() as cluster:
        Path(folder).chmod(0o755)
        clone, python = Path(folder, "larder"), Path(folder, "python")
        subprocess.run(["git", "clone", "--quiet", CHECKOUT, clone], check=True)
        venv.create(python, with_pip=True, symlinks=True)
        common = environment()
        readme_0 = {
            "DEMO": "1",
            "DATABASE_URL": cluster.owner_url(),
            "PATH": f"{python / 'bin'}:{common['PATH']}",
        }
        copy = Copy(clone, common, compose_command(common))
        rows = []
        for number in options.readmes:
            copy.environment = common | (readme_0 if number == 0 else {})
            rows += list(taken([step for step in steps if step.readme == number], copy))
    for line in ("| README | command | result | s |", "| --- | --- | --- | ---: |", *rows):
        say(line)
    return 1 if any(f"| {FAILED} |" in row for row in rows) else 0


def environment() -> dict[str, str]:
    """Return the environment with the port, and without what Larder and make read or add."""
    example = (CHECKOUT / ".env.example").read_text()
    others = {*re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE), *OF_MAKE}
    port = str(free_port() if listens(PORT) else PORT)
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return kept | {"PORT": port, "COMPOSE_PROJECT_NAME": PROJECT}


def compose_command(variables: Mapping[str, str]) -> str:
    """Return the command of compose 2 or later, empty if no engine answers."""
    engine = ["sh", str(CHECKOUT / "deploy/docker/engine.sh"), "compose"]
    if subprocess.run(engine, env=variables, capture_output=True, check=False).returncode != 0:
        return ""
    asked = ["docker-compose", "version", "--short"]
    if shutil.which("docker-compose") and not subprocess.run(
        asked, capture_output=True, text=True, check=False
    ).stdout.startswith("1."):
        return "docker-compose"
    return f"{variables.get('DOCKER', 'docker')} compose"


def taken(steps: Sequence[Step], copy: Copy) -> Iterator[str]:
    """Take the steps of a README, and yield a row of the table for each.

    Afterwards its server is stopped, and its containers are removed with their data.
    """
    try:
        for step in steps:
            began = time.monotonic()
            result = take(step, copy)
            row = (
                f"| {step.readme} | `{step.command}` | {result} | {time.monotonic() - began:.0f} |"
            )
            say(row)
            yield row
    finally:
        copy.stop()
        if copy.compose:
            copy.run("docker-compose down --volumes --remove-orphans")


def take(step: Step, copy: Copy) -> str:
    """Return the result of a step; an error is printed."""
    if step.needs_docker and not copy.compose:
        return NO_DOCKER
    try:
        return step.act(copy, step.command)
    except (LauncherError, OSError, ValueError, KeyError) as error:
        complain(f"{step.command}: {error}")
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
