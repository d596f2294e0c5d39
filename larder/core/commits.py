"""How many transactions were committed for the request that this thread answers.

A failure of the database after one of them must not be answered as if nothing was done. A commit
counts when PostgreSQL has answered it, or when its thread is ended while it waits for the answer.
A batch (larder/core/batch_queue.py) commits in one thread for several requests: the commit
counts for each request that gets an answer from it.
"""

import threading


class _Request(threading.local):
    commits = 0


_request = _Request()


def count() -> int:
    """Returns how many there were since `restart`."""
    return _request.commits


def add(commits: int = 1) -> None:
    """Counts commits for the present request."""
    _request.commits += commits


def restart(commits: int = 0) -> None:
    """Sets the count: another request begins, or what was committed is of other requests."""
    _request.commits = commits
