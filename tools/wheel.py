"""The build hook of the wheel: adds the documents and the SDK that a server shows, the tables
of an empty database, and the static files. `uv build` runs it where Larder's dependencies are
installed."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# No page of Larder refers to them: other forms of the same scripts and fonts, the pages of REST
# framework, an editor of the theme.
UNUSED = (
    *("*.map", "jquery.js", "xregexp*", "select2.full.js", "Inter-Bold*"),
    *("rest_framework", "gis", "jedison"),
)
SHOWN = ("docs/openapi/*.json", "docs/reference/problems.md", "clients/typescript/dist/*.js")


class WheelHook(BuildHookInterface):  # type: ignore[misc]
    """Adds files of other folders to the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files to add, by their paths in the wheel."""
        root = Path(self.root)
        self._folder = TemporaryDirectory()
        ignored = (f"--ignore={pattern}" for pattern in UNUSED)
        collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "-v0", *ignored]
        variables = os.environ | {"STATIC_ROOT": self._folder.name}
        subprocess.run(collect, cwd=root, env=variables, check=True)
        # A wheel is compressed, and a proxy compresses what it serves.
        for copy in Path(self._folder.name).rglob("*.gz"):
            copy.unlink()
        tables = Path(self._folder.name).with_suffix(".gz")
        tables.write_bytes(gzip.compress(tables_of(root)))
        shown = (file for pattern in SHOWN for file in root.glob(pattern))
        build_data["force_include"] |= {
            str(file): f"larder/{file.relative_to(root)}" for file in shown
        } | {
            self._folder.name: "larder/collected_static",
            str(tables): "larder/local/tables.sql.gz",
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was collected."""
        self._folder.cleanup()


def tables_of(root: Path) -> bytes:
    """Return the SQL of an empty database of this version: the migrations take seconds."""
    sys.path.insert(0, str(root))
    from tools.with_database import temporary_cluster

    with temporary_cluster() as cluster:
        variables = os.environ | cluster.addresses | {"DEMO": "0"}
        prepare = [sys.executable, "manage.py", "prepare"]
        subprocess.run(prepare, cwd=root, env=variables, check=True)
        dump = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", cluster.owner_url()]
        dumped = subprocess.check_output(dump, env=variables)
    # Lines with a backslash are for psql.
    return b"".join(line for line in dumped.splitlines(keepends=True) if line[:1] != b"\\")
