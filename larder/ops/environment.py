"""Reads settings from the environment, or from files that it names (`NAME_FILE`)."""

import builtins
from typing import Any

from environ import FileAwareEnv
from environ.fileaware_mapping import FileAwareMapping


class _Values(FileAwareMapping):  # type: ignore[misc]
    """Removes the newline at the end of a file, which editors and `echo` write. It is not part of
    the value: no token and no name of a database ends with it."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


class Environment(FileAwareEnv):  # type: ignore[misc]
    """django-environ's class, with values without the newline at their end."""

    ENVIRON = _Values()

    def list(self, name: str, default: Any) -> builtins.list[str]:
        """Returns the texts between commas, without spaces around them. Drops empty ones: after
        `one, ` a space would be a secret too."""
        return [text.strip() for text in super().list(name, default=default) if text.strip()]
