"""As whom PostgreSQL runs, for it refuses root: an ordinary user runs it, root as `nobody`.

On Linux it keeps one right of root, CAP_DAC_OVERRIDE, with which it reaches its programs and its
data below folders that are root's alone, like /root.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path

from larder.local.terminal import LauncherError

CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 4
"""Rights are independent of user ids, for the system call access() too, which initdb asks."""
NO_OTHER_USER = (
    "PostgreSQL does not run as root, and root cannot become nobody here: run Larder as an "
    "ordinary user, or set DATABASE_URL."
)
# Loaded before the fork: between fork and exec, a lock of another thread is never released.
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def owner() -> tuple[int, int]:
    """Return the ids of the user and the group to whom PostgreSQL's files belong.

    Raises LauncherError for root on a machine without `nobody`.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise LauncherError(NO_OTHER_USER) from None
    return nobody.pw_uid, nobody.pw_gid


def become_owner() -> None:
    """Give up root in a child process, for good. Raises OSError."""
    if os.geteuid() != 0:
        return
    uid, gid = owner()
    os.setgroups([])
    os.setgid(gid)
    if sys.platform != "linux":
        os.setuid(uid)
        return
    system_call("prctl", PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setuid(uid)
    # Effective, permitted and inheritable rights, twice 32 bits of each.
    rights = (ctypes.c_uint32 * 6)(*[1 << CAP_DAC_OVERRIDE] * 3)
    system_call("capset", (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), rights)
    system_call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def hand_over(folder: Path) -> None:
    """Make the files PostgreSQL's own. Raises LauncherError when they are another user's."""
    uid, gid = owner()
    if folder.stat().st_uid == uid:
        return
    if os.geteuid() != 0:
        raise LauncherError(
            f"The data folder {folder.parent} cannot be used: it belongs to user number "
            f"{folder.stat().st_uid}. Run this as its owner, or choose another with DATA=."
        )
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, uid, gid, follow_symlinks=False)


def system_call(name: str, *arguments: int | ctypes.Array[ctypes.c_uint32]) -> None:
    """Call a function of the C library. Raises OSError if it returns something else than zero."""
    numbers = (ctypes.c_ulong(part) if isinstance(part, int) else part for part in arguments)
    if getattr(_LIBRARY, name)(*numbers) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
