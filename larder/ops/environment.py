"""Reads settings from the environment, or from files that it names (`NAME_FILE`)."""

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
