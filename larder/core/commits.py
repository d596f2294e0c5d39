"""Counts the transactions that were committed for the request of this thread.

If the database fails after a commit, the answer must not say that nothing was done. A commit counts
when PostgreSQL has acknowledged it, or when its thread is interrupted while it waits for the
acknowledgement. A batch (larder/core/batch_queue.py) commits in one thread for several requests.
Its commit counts for each of them.
"""

import threading


class _Request(threading.local):
    commits = 0


_request = _Request()


def count() -> int:
    """Returns the number of commits since `restart`."""
    return _request.commits


def add(commits: int = 1) -> None:
    """Adds commits to the count of the current request."""
    _request.commits += commits


def restart(commits: int = 0) -> None:
    """Sets the count when another request begins, or when the commits belong to other requests."""
    _request.commits = commits
