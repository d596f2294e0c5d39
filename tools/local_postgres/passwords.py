"""The passwords of the cluster's roles, made once and kept beside the data."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.errors import LauncherError
from tools.folders import write_private

FILE = "passwords.json"


@dataclass(frozen=True)
class Passwords:
    """One password a role: the superuser, the owner of the tables, the application."""

    postgres: str
    larder_owner: str
    larder_app: str


def read(data: Path) -> Passwords:
    """Read the passwords; LauncherError when the folder holds none that can be read."""
    path = data / FILE
    try:
        return Passwords(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise LauncherError(f"{path} is missing: set DATA to its folder.") from None
    except (OSError, ValueError, TypeError) as error:
        raise LauncherError(f"Restore {path} from a copy, it cannot be read: {error}") from None


def read_or_make(data: Path) -> Passwords:
    """Read the passwords, or make and keep new ones in a folder that has none yet."""
    if not (data / FILE).exists():
        fresh = Passwords(*(secrets.token_urlsafe(24) for _ in range(3)))
        write_private(data / FILE, json.dumps(asdict(fresh), indent=1) + "\n")
    return read(data)
