"""Data folders in one file: `larder backup`, `larder restore`, and the backup before an upgrade.

A tar of the secret key, the pictures and, last (a file that was cut off has none), the database.
"""

from __future__ import annotations

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

DUMP = "database.dump"
MEMBER = re.compile(rf"secret_key|pictures/[0-9a-f]{{64}}(-\d+)?\.webp|{re.escape(DUMP)}")
"""The names in an archive. Those of pictures are made from their content, and never reused."""
KEPT_BACKUPS = 3
"""Of those that were made before an upgrade."""


def back_up(data: Path, file: Path | None, prefix: str = "larder") -> Path:
    """Write what a data folder has at one moment into a file, whether it is in use or not. Return
    the file, by default one in the folder. Raises LauncherError if it is there, or no data are."""
    name = f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    file = (file or data / "backups" / name).absolute()
    cluster = Cluster(data / "postgresql")
    if not cluster.exists:
        raise LauncherError(f"There are no data in {data}: choose another folder with --data.")
    if file.exists():
        raise LauncherError(f"{file} exists already: name another file.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        dump, draft = Path(folder, DUMP), Path(folder, file.name)
        with nullcontext() if cluster.lock.held else cluster:
            # The password in the address is of no use to whom the socket is closed.
            options = ("--format=custom", "--lock-wait-timeout=60s", f"--file={dump}")
            programs.run("pg_dump", *options, cluster.owner_url())
        draft.touch(mode=0o600)
        with tarfile.open(draft, "w", dereference=True) as archive:
            # After the dump, which may name a picture that has only just come.
            for path in (*data.glob("secret_key"), *data.glob("pictures/*"), dump):
                name = path.relative_to(folder if path == dump else data).as_posix()
                if MEMBER.fullmatch(name):
                    archive.add(path, name)
        sync(draft)
        draft.rename(file)
    sync(file.parent)
    return file


def restore(file: Path, data: Path) -> None:
    """Make a data folder of a backup: all of it, or nothing. Django is loaded. Raises LauncherError
    for a folder that is not empty, and a file that is not a backup, or one of a later version."""
    data = data.resolve()
    if data.exists() and any(data.iterdir()):
        raise LauncherError(f"{data} is in use or not empty: choose another folder with --data.")
    data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{data.name}-", dir=data.parent) as folder:
        draft = Path(folder)
        unpack(file, draft)
        with Cluster(draft / "postgresql") as cluster:
            fill(cluster, draft / DUMP)
            awaits_migrations(cluster, file)
        (draft / DUMP).unlink()
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
    except tarfile.TarError as error:
        raise LauncherError(f"{file} is not a backup, or not all of it: {error}.") from None
    if not (folder / DUMP).exists():
        raise LauncherError(f"{file} is not a backup, or not all of it: fetch it again.")


def fill(cluster: Cluster, dump: Path) -> None:
    """Replace a cluster's new database, which has the tables of a wheel. The owner restores it: a
    superuser would run programs for the dump."""
    # Its module needs the applications.
    from larder.ops.management.commands.prepare import MARK

    with psycopg.connect(cluster.superuser_url(), autocommit=True) as superuser:
        superuser.execute("DROP DATABASE larder")
        superuser.execute("CREATE DATABASE larder OWNER larder_owner")
        options = ("--no-owner", "--no-privileges", "--exit-on-error", str(dump))
        programs.run("pg_restore", *options, f"--dbname={cluster.owner_url()}")
        superuser.execute(f"COMMENT ON DATABASE larder IS '{MARK}'".encode())


def before_upgrade(cluster: Cluster, data: Path) -> None:
    """Make a backup if migrations are to come, and delete the oldest of its kind. Raises
    LauncherError before anything is changed, as `awaits_migrations` does."""
    if awaits_migrations(cluster, data):
        try:
            with step("Backup made before the upgrade"):
                file = back_up(data, None, "before-upgrade")
        except OSError as error:
            raise LauncherError(f"The backup before the upgrade failed: {error}") from None
        for former in sorted(file.parent.glob("before-upgrade-*.tar"))[:-KEPT_BACKUPS]:
            former.unlink()


def awaits_migrations(cluster: Cluster, place: Path) -> bool:
    """Return whether the database of a running cluster has tables, and not all migrations. Django
    is loaded. Raises LauncherError for a migration of Larder that this version does not have."""
    with psycopg.connect(cluster.owner_url()) as owner:
        if owner.execute("SELECT to_regclass('public.django_migrations')").fetchone() == (None,):
            return False
        applied = set(owner.execute("SELECT app, name FROM public.django_migrations"))
    folders = {app.label: f"{app.path}/migrations" for app in apps.get_app_configs()}
    known = {(app, file.name) for app in folders for file in iter_modules([folders[app]])}
    for app, name in sorted(applied - known):
        if app in folders and apps.get_app_config(app).name.startswith("larder."):
            raise LauncherError(
                f"{place} is of a version of Larder with migration {app}.{name}, unknown here: "
                "go on with that version, or `larder restore` an earlier backup in another folder."
            )
    return bool(known - applied)
