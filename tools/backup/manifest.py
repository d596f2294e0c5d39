"""What lies beside a backup and says what it is: FILE.json."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from larder.local.folders import write_private
from larder.local.terminal import LauncherError

CHECKOUT = Path(__file__).resolve().parents[2]
FORMAT = 1
BLOCK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """`taken_at` is the moment of the snapshot: what was committed by then is in the backup.

    `migrations` are `app.name`; `tables` have rows and a sum over the content (take_census).
    """

    taken_at: str
    larder: str
    postgresql: str
    database: str
    bytes: int
    sha256: str
    migrations: Sequence[str]
    tables: Census
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(rows for rows, _ in self.tables.values())


def beside(file: Path) -> Path:
    """Where a backup's manifest is."""
    return file.with_name(f"{file.name}.json")


def write(file: Path, manifest: Manifest) -> None:
    """Write it, onto the disk."""
    write_private(beside(file), json.dumps(asdict(manifest), indent=1) + "\n")


def read(file: Path) -> Manifest:
    """Read it and hold the file against it. Raises LauncherError: missing, cut off, changed."""
    try:
        content = json.loads(beside(file).read_text())
        tables = {table: (rows, total) for table, (rows, total) in content.pop("tables").items()}
        manifest = Manifest(**content, tables=tables)
        if not isinstance(manifest.bytes, int) or not isinstance(manifest.migrations, list):
            raise TypeError("a value is of another type")
    except FileNotFoundError:
        raise LauncherError(
            f"{beside(file)} is missing: copy {file.name} and {file.name}.json together."
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LauncherError(f"{beside(file)} cannot be read: {error}. Fetch it again.") from None
    if manifest.format != FORMAT:
        raise LauncherError(
            f"{beside(file)} has format {manifest.format}: use the version of Larder that wrote it "
            f"(this one reads {FORMAT})."
        )
    check(file, manifest)
    return manifest


def check(file: Path, manifest: Manifest) -> None:
    """Raise LauncherError unless the file is the one that was written."""
    if not file.is_file():
        raise LauncherError(f"{file} is missing. Copy it to its manifest.")
    if file.stat().st_size != manifest.bytes:
        raise LauncherError(
            f"{file} has {file.stat().st_size} bytes, not {manifest.bytes}: it was not copied "
            "to its end. Fetch it again."
        )
    if sha256(file) != manifest.sha256:
        raise LauncherError(f"{file} has another SHA-256 than its manifest. Fetch it again.")


def sha256(file: Path) -> str:
    """Return the checksum of a file's content."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def migrations(connection: psycopg.Connection) -> list[str]:
    """What was applied, in the order it was. Raises LauncherError where there is no Larder."""
    try:
        rows = connection.execute("SELECT app, name FROM public.django_migrations ORDER BY id")
    except psycopg.errors.UndefinedTable:
        raise LauncherError(
            f"There is no Larder in database {connection.info.dbname}: check DATABASE_URL."
        ) from None
    return [f"{app}.{name}" for app, name in rows]


def unknown_migrations(applied: Sequence[str], folders: Mapping[str, Path]) -> list[str]:
    """Return those of our own that this version does not have."""
    named = (one.partition(".") for one in applied)
    return [
        f"{app}.{name}"
        for app, _, name in named
        if app in folders and not (folders[app] / "migrations" / f"{name}.py").exists()
    ]


def our_apps() -> dict[str, Path]:
    """The folders of our own applications that have migrations, by label."""
    folders = [path.parents[1] for path in CHECKOUT.glob("larder/*/migrations/__init__.py")]
    return {_label(folder / "apps.py"): folder for folder in folders}


def _label(file: Path) -> str:
    (label,) = re.findall(r'^    label = "(\w+)"$', file.read_text(), re.MULTILINE)
    return str(label)


def version() -> str:
    """Larder's own version."""
    return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"])


Census = Mapping[str, tuple[int, str]]
"""By table: its rows, and the sum of the hashes of their text, in whatever order they come."""

# How values are written as text must not depend on who asks.
_AS_TEXT = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
}
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1, 2
"""
_COUNT = """
SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0)::text FROM {} AS row
"""


def take_census(connection: psycopg.Connection) -> Census:
    """Look at every row of every table, in the transaction that the connection is in."""
    for name, value in _AS_TEXT.items():
        connection.execute("SELECT set_config(%s, %s, true)", [name, value])
    tables = connection.execute(_TABLES).fetchall()
    return {f"{schema}.{table}": count(connection, schema, table) for schema, table in tables}


def count(connection: psycopg.Connection, schema: str, table: str) -> tuple[int, str]:
    """One table."""
    row = connection.execute(sql.SQL(_COUNT).format(sql.Identifier(schema, table))).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row[0], row[1]


def differences(wanted: Census, found: Census) -> Iterator[str]:
    """Yield a sentence for each table that is not the same."""
    for table in sorted({*wanted, *found}):
        if table not in found:
            yield f"{table} is missing."
        elif table not in wanted:
            yield f"{table} is too much."
        elif wanted[table][0] != found[table][0]:
            yield f"{table} has {found[table][0]} rows, not {wanted[table][0]}."
        elif wanted[table][1] != found[table][1]:
            yield f"{table} has other content."
