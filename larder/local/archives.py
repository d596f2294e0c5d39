"""Shops in one file: `larder backup`, `larder restore`, and the backup before an upgrade.

A tar of the secret key, the pictures, a sum of each table's rows and, last (a file that was cut off
has none), the database.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import tarfile
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory

import psycopg
from django.apps import apps

from larder.local import programs
from larder.local.folders import sync
from larder.local.postgresql import Cluster
from larder.local.terminal import LauncherError, step

DUMP, SUMS = "database.dump", "rows.json"
MEMBER = re.compile(r"secret_key|pictures/[0-9a-f]{64}(-\d+)?\.webp|rows\.json|database\.dump")
"""The names in an archive. Those of pictures are made from their content, and never reused."""
KEPT_BACKUPS = 3
"""Of those that were made before an upgrade."""
FORMER_APPS = {"procrastinate"}
"""Of earlier versions: their tables stay."""
EMPTY = Path(__file__).with_name("tables.sql.gz")
"""The tables as the migrations leave them: a wheel has them (tools/wheel.py), a checkout not."""
TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
"""


def back_up(url: str, data: Path, file: Path | None) -> Path:
    """Write the database of its owner's address, and the data folder's key and pictures, as they
    are at one moment, into a file; the shop may be open. Return the file, by default one in the
    folder. Raises LauncherError if it is there."""
    file = (file or data / "backups" / f"larder-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar").absolute()
    if file.exists():
        raise LauncherError(f"{file} exists already: name another file.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pictures = Path(os.environ.get("PICTURES_DIR") or data / "pictures")
    with TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        dump, sums, draft = (Path(folder, name) for name in (DUMP, SUMS, file.name))
        with psycopg.connect(url) as owner:
            owner.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            snapshot = owner.execute("SELECT pg_export_snapshot()").fetchone() or ()
            sums.write_text(json.dumps(sums_of(owner)))
            options = ("--format=custom", "--lock-wait-timeout=60s", f"--file={dump}")
            programs.run_on(url, "pg_dump", *options, f"--snapshot={snapshot[0]}")
        draft.touch(mode=0o600)
        with tarfile.open(draft, "w", dereference=True) as archive:
            # After the dump, which may name a picture that has only just come.
            for path in (*data.glob("secret_key"), *pictures.glob("*"), sums, dump):
                name = f"pictures/{path.name}" if path.parent == pictures else path.name
                if MEMBER.fullmatch(name):
                    archive.add(path, name)
        sync(draft)
        draft.rename(file)
    sync(file.parent)
    return file


def sums_of(owner: psycopg.Connection) -> dict[str, list[str]]:
    """Return the number of rows of each table and the sum of their hashes, as the connection's
    transaction sees them."""
    owner.execute(
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
    )
    names = [name for (name,) in owner.execute(TABLES)]
    sums = "SELECT count(*)::text, sum(hash_record_extended(row, 0)::numeric)::text FROM {} row"
    return {name: [*owner.execute(sums.format(name).encode()).fetchall()[0]] for name in names}


def restore(file: Path, data: Path, url: str) -> None:
    """Make a data folder of a backup, with the database in it, or in the empty one of its owner's
    address: all or nothing. Django is loaded. Raises LauncherError for what is not empty, and for
    a file that is not a backup, or one of a later version."""
    data = data.resolve()
    if data.exists() and any(data.iterdir()):
        raise LauncherError(f"{data} is in use or not empty: choose another folder with --data.")
    data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{data.name}-", dir=data.parent) as folder:
        draft = Path(folder)
        unpack(file, draft)
        with nullcontext() if url else Cluster(draft / "postgresql") as cluster:
            fill(cluster.owner_url() if cluster else url, draft, file)
        for name in (DUMP, SUMS):
            (draft / name).unlink()
        os.sync()
        draft.rename(data)
    sync(data.parent)


def unpack(file: Path, folder: Path) -> None:
    """Unpack a file that anyone may have made. Raises LauncherError for what is not a backup."""
    (folder / "pictures").mkdir(mode=0o700)
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                ours = MEMBER.fullmatch(member.name) and member.isreg() and not member.sparse
                source = archive.extractfile(member) if ours else None
                if source is None:
                    raise LauncherError(f"{file} is not a backup: {member.name!r} is in it.")
                with (folder / member.name).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (folder / member.name).chmod(0o600)
        if not (folder / DUMP).exists():
            raise tarfile.ReadError("its end is missing")
    except tarfile.TarError as error:
        raise LauncherError(f"{file} is not a backup, or not all of it: {error}.") from None


def fill(url: str, folder: Path, file: Path) -> None:
    """Restore a dump into an empty database, as its owner: a superuser would run programs for the
    dump. Raises LauncherError unless all rows are those of the backup."""
    # Its module needs the applications.
    from larder.ops.management.commands.prepare import MARK

    with psycopg.connect(url) as owner:
        name = owner.info.dbname
        if owner.execute(TABLES).fetchone():
            raise LauncherError(f"Database {name} is not empty: make another for DATABASE_URL.")
        owner.execute(f"""COMMENT ON DATABASE "{name}" IS '{MARK}'""".encode())
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    programs.run_on(url, "pg_restore", *options, str(folder / DUMP))
    with psycopg.connect(url) as owner:
        expected, sums = json.loads((folder / SUMS).read_text()), sums_of(owner)
        other = [table for table in expected | sums if expected.get(table) != sums.get(table)]
        if other:
            raise LauncherError(f"These tables are not those of the backup: {', '.join(other)}.")
        # Of empty tables the planner had better know nothing.
        full = ", ".join(table for table in sums if sums[table][0] != "0")
        owner.execute(f"ANALYZE {full}".encode())
    awaits_migrations(url, file)


def before_upgrade(cluster: Cluster, data: Path) -> None:
    """Make a backup if migrations are to come; an empty database gets the tables of the wheel.
    Raises LauncherError before anything is changed, as `awaits_migrations` does."""
    with psycopg.connect(cluster.owner_url()) as owner:
        if EMPTY.exists() and not owner.execute(TABLES).fetchone():
            owner.execute(gzip.decompress(EMPTY.read_bytes()))
    if not (applied := awaits_migrations(cluster.owner_url(), data)):
        return
    folder = data / "backups"
    # An upgrade that is cut off and repeated does not replace what was there before it.
    file, draft = folder / f"before-upgrade-{applied:04}.tar", folder / "before-upgrade.new"
    try:
        with step("Backup made before the upgrade"):
            draft.unlink(missing_ok=True)
            back_up(cluster.owner_url(), data, draft).replace(file)
    except (OSError, psycopg.Error) as error:
        raise LauncherError(f"The backup before the upgrade failed: {error}") from None
    for former in sorted(folder.glob("before-upgrade-*.tar"))[:-KEPT_BACKUPS]:
        former.unlink()


def awaits_migrations(url: str, place: Path) -> int:
    """Return how many migrations a database has had, but 0 if all, or no tables. Django is loaded.
    Raises LauncherError for one that this version does not have."""
    with psycopg.connect(url) as owner:
        if owner.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
            return 0
        applied = set(owner.execute("SELECT app, name FROM public.django_migrations"))
    folders = {app.label: f"{app.path}/migrations" for app in apps.get_app_configs()}
    known = {(app, file.name) for app in folders for file in iter_modules([folders[app]])}
    for app, name in sorted(row for row in applied - known if row[0] not in FORMER_APPS):
        raise LauncherError(
            f"{place} is of a version of Larder with migration {app}.{name}, unknown here: "
            "go on with that version, or `larder restore` an earlier backup in another folder."
        )
    return len(applied) if known - applied else 0
