"""Where settings come from: the environment, or files that it names (`NAME_FILE`)."""

from environ import FileAwareEnv
from environ.fileaware_mapping import FileAwareMapping


class _Values(FileAwareMapping):  # type: ignore[misc]
    """A file that was written with an editor or with `echo` ends in a new line. It belongs to the
    file: as a part of the value no token would match, and no database have such a name."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).rstrip("\r\n")


class Environment(FileAwareEnv):  # type: ignore[misc]
    """django-environ's, without the ends of lines."""

    ENVIRON = _Values()
