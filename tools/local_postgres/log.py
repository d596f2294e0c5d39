"""What the last words of PostgreSQL's log mean."""

from __future__ import annotations

from tools.logfile import LogFile

MEANINGS = (
    ("No space left on device", "the disk is full"),
    ("Read-only file system", "the file system is read-only"),
    ("could not create shared memory segment", "the system's limit on shared memory is too low"),
    ("could not map anonymous shared memory", "there is not enough memory"),
    ("incompatible with server", "the data were written by an incompatible PostgreSQL"),
    ("Permission denied", "a file of the data folder may not be read or written"),
)


def explanation(log: LogFile) -> str:
    """Say in one line why the server ended."""
    tail = log.tail()
    for words, meaning in MEANINGS:
        if words in tail:
            return f"{meaning} (log: {log.path})"
    fatal = [line for line in tail.splitlines() if "FATAL" in line or "PANIC" in line]
    last = fatal[-1] if fatal else (tail.strip().splitlines() or ["it printed nothing"])[-1]
    return f"{last.strip()} (log: {log.path})"
