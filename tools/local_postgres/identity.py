"""As whom PostgreSQL runs, and where it can then find its programs and its data.

PostgreSQL refuses root. An ordinary user simply runs it (road "plain"). Root has two roads:

- namespace: as an ordinary user inside a user namespace, whose files are root's outside it.
  Nothing needs to be copied or given away. Containers often forbid it;
- nobody: as the user nobody. Programs or data that this user cannot reach (a checkout below a
  home of mode 0700) are placed in a shelter outside, and the data folder links to it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools import processes
from tools.folders import user_name
from tools.local_postgres.binaries import Binaries
from tools.terminal import LauncherError

CLONE_NEWUSER = 0x10000000
SHELTERS = (Path("/var/lib/larder"), Path("/var/tmp/larder"))  # noqa: S108


@dataclass(frozen=True)
class Identity:
    """A road; `uid` and `gid` own PostgreSQL's files as seen from outside. `become` is called in
    the child process."""

    uid: int
    gid: int
    become: Callable[[], None] = processes.stay

    def can_run(self, binaries: Binaries, *, reaching: Path) -> bool:
        """Say whether this identity can run PostgreSQL and enter the folder `reaching`."""
        return processes.run([binaries.program("postgres"), "--version"], become=self.become)[
            0
        ] == 0 and (
            processes.run(["/bin/sh", "-c", 'cd "$0"', reaching], become=self.become)[0] == 0
        )

    def exists(self) -> bool:
        """Say whether the kernel lets us take this identity at all."""
        return processes.run(["/bin/sh", "-c", ":"], become=self.become)[0] == 0


@dataclass(frozen=True)
class Place:
    """As whom to run which programs, and the folder that belongs to the server alone."""

    identity: Identity
    binaries: Binaries
    server: Path


def find_place(binaries: Binaries, data: Path) -> Place:
    """Choose a road and make the server's folder ready for it.

    Raises LauncherError when the data are another user's or no road is open.
    """
    server = data / "server"
    if os.geteuid() != 0:
        place = Place(ordinary(), binaries, server.resolve())
    else:
        place = as_root(binaries, server)
    if server.is_symlink():
        claim(server)
    place.server.mkdir(mode=0o700, exist_ok=True)
    hand_over(place.server, place.identity)
    return place


def ordinary() -> Identity:
    """Return who we are; a user without a name, whom initdb refuses, gets one in a namespace."""
    identity, namespace = Identity(os.geteuid(), os.getegid()), in_a_namespace()
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return namespace if namespace.exists() else identity
    return identity


def as_root(binaries: Binaries, server: Path) -> Place:
    """Prefer a road that leaves everything where it is, then one that needs the shelter."""
    roads = [way for way in candidates() if way.exists()]
    for identity in roads:
        if identity.can_run(binaries, reaching=server.resolve().parent):
            return Place(identity, binaries, server.resolve())
    for identity in roads:
        shelter = open_shelter()
        if not identity.can_run(binaries, reaching=Path("/")):
            binaries = binaries.copy_under(shelter)
        if not identity.can_run(binaries, reaching=server.resolve().parent):
            move_to_shelter(server, shelter)
        if identity.can_run(binaries, reaching=server.resolve().parent):
            return Place(identity, binaries, server.resolve())
    raise LauncherError(
        "PostgreSQL does not run as root, and neither a user namespace nor another user's id "
        "can be taken here: run as an ordinary user, or set DATABASE_URL."
    )


def candidates() -> Iterator[Identity]:
    """Yield root's roads, best first."""
    if sys.platform == "linux":
        yield in_a_namespace()
    with suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        drop = partial(give_up_root, nobody.pw_uid, nobody.pw_gid)
        yield Identity(nobody.pw_uid, nobody.pw_gid, drop)


def in_a_namespace() -> Identity:
    """Return an ordinary user inside a user namespace; outside, files stay our own."""
    uid, gid = os.geteuid(), os.getegid()
    # A user with a name, for initdb looks it up, and not root.
    known = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0}
    inner = known.get("nobody") or next(iter(known.values()), 65534)
    return Identity(uid, gid, partial(enter_namespace, uid, gid, inner))


def enter_namespace(uid: int, gid: int, inner: int) -> None:
    """Become `inner` inside a user namespace, which is `uid` outside. Raises OSError."""
    processes.system_call("unshare", CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inner} {uid} 1"),
        ("gid_map", f"{inner} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)


def give_up_root(uid: int, gid: int) -> None:
    """Become another user for good."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.chdir("/")


def open_shelter() -> Path:
    """Return the first folder of root's own outside the checkout that can be had."""
    for shelter in SHELTERS:
        try:
            shelter.mkdir(mode=0o711, exist_ok=True)
            if not shelter.is_symlink() and shelter.stat().st_uid == os.geteuid():
                return shelter
        except OSError:
            continue
    raise LauncherError(
        "No folder can be made that other users can reach: set TMPDIR to one "
        f"(tried {', '.join(map(str, SHELTERS))})."
    )


def move_to_shelter(server: Path, shelter: Path) -> None:
    """Put the server's folder into the shelter and leave a link to it."""
    elsewhere = Path(tempfile.mkdtemp(dir=shelter, prefix="data-"))
    if server.exists():
        elsewhere.rmdir()
        shutil.move(server.resolve(), elsewhere)
    server.unlink(missing_ok=True)
    server.symlink_to(elsewhere)


def claim(server: Path) -> None:
    """Make sure that no other data folder links to the same place, as a copied one would."""
    note = server.resolve() / "belongs-to"
    other = Path(note.read_text()) if note.exists() else server
    if other != server and other.resolve() == server.resolve():
        raise LauncherError(
            f"{server.parent} is a copy of {other.parent} without its data, which lie in "
            f"{server.resolve()}: copy that folder to {server} in place of the link."
        )
    note.write_text(str(server))


def hand_over(server: Path, identity: Identity) -> None:
    """Make the files the server's own; another road may have been taken last time."""
    owner = server.stat().st_uid
    if owner == identity.uid:
        return
    if os.geteuid() != 0:
        raise LauncherError(
            f"The data folder {server.parent} cannot be used: it belongs to user "
            f"{user_name(owner)}, this is user {user_name()}. Run this as its owner, or set DATA."
        )
    for path in [server, *server.rglob("*")]:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_PATH = 103
NAME = ".s.PGSQL.5432"


def make_folder(place: Place) -> Path:
    """Return an empty folder: the server's own, or where its path does not do, a linked one.

    Raises LauncherError when no path is short enough.
    """
    # The server was seen to be gone, so no process uses its socket.
    remove_folder(place.server)
    inside = place.server / "socket"
    if fits(inside):
        inside.mkdir(mode=0o700)
    else:
        inside.symlink_to(short_folder(place))
    os.chown(inside.resolve(), place.identity.uid, place.identity.gid)
    return inside.resolve()


def remove_folder(server: Path) -> None:
    """Remove the socket's folder. A linked one of another name is a copied folder's: not ours."""
    inside = server / "socket"
    if inside.is_symlink():
        if inside.resolve().name == short_name(server):
            shutil.rmtree(inside.resolve(), ignore_errors=True)
        inside.unlink()
    elif inside.exists():
        shutil.rmtree(inside)


def short_name(server: Path) -> str:
    """Return a name that is the same at each start and another for each server."""
    return f"larder-{hashlib.sha256(os.fsencode(server)).hexdigest()[:16]}"


def short_folder(place: Place) -> Path:
    """Make a private folder in the temporary one."""
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        folder = parent / short_name(place.server)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not is_private(folder, place.identity.uid):
            folder = Path(tempfile.mkdtemp(prefix="larder-", dir=parent))
        if fits(folder):
            return folder
        folder.rmdir()
    raise LauncherError("The path of PostgreSQL's socket is too long: set TMPDIR to a short one.")


def is_private(folder: Path, uid: int) -> bool:
    """Say whether a folder with a guessable name is really ours or the server's alone."""
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return private and found.st_uid in (uid, os.geteuid())


def fits(folder: Path) -> bool:
    """Say whether a socket in this folder can be bound, and named: `host` is a list."""
    path = os.fsencode(folder / NAME)
    return len(path) <= LONGEST_PATH and b"," not in path
