"""The patches: one TOML file for each area, beside this module.

An entry says what is wrong (`name`), where (`file`), which text, found once there, is replaced by
which (`old`, `new`), and which test must fail because of it (`test`, a node id of pytest). `system`
is true for a test that starts a server or another program, `prepares` for a patch that needs a
database prepared with it. What is above the entries holds for all
that do not override it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
LATER = 10.0
"""Seconds between the file's moment and the patched one's: Python compares whole seconds and the
size, and would take the bytecode of one for the other's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change of one file that breaks one promise."""

    area: str
    name: str
    file: str
    old: str
    new: str
    test: str
    system: bool = False
    prepares: bool = False


def load(areas: Collection[str] = (), folder: Path = FOLDER, *, system: bool = True) -> list[Patch]:
    """Return the patches of these areas, or of all, in the order of the files; without `system`
    only those whose test starts no program."""
    files = [one for one in sorted(folder.glob("*.toml")) if not areas or one.stem in areas]
    return [one for file in files for one in _read(file) if system or not one.system]


def _read(file: Path) -> Iterator[Patch]:
    said = tomllib.loads(file.read_text())
    entries = said.pop("mutant")
    for entry in entries:
        yield Patch(area=file.stem, **said | entry)


def areas(folder: Path = FOLDER) -> list[str]:
    """Return the names of all areas."""
    return sorted(one.stem for one in folder.glob("*.toml"))


@contextmanager
def applied(patch: Patch, root: Path) -> Iterator[None]:
    """Patch the file below `root` for the block. Raises ValueError unless `old` is found once."""
    path = root / patch.file
    text, before = path.read_text(), path.stat()
    if text.count(patch.old) != 1:
        raise ValueError(f"{patch.file} has the text {text.count(patch.old)} times: {patch.old!r}")
    try:
        path.write_text(text.replace(patch.old, patch.new))
        os.utime(path, (before.st_atime, before.st_mtime + LATER))
        yield
    finally:
        path.write_text(text)
        os.utime(path, (before.st_atime, before.st_mtime))
