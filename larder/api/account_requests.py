"""The requests of a customer's account: how many each process runs at once.

Writing requests need the same rows: the account's cart, orders, profile. Requests that wait for a
row's lock inside PostgreSQL keep a connection each, and those of one account could keep all of a
process. So they run one at a time, and wait here, where a wait keeps no connection. Answers to
reading requests can have thousands of lines, which take connections and processor time from others.
"""

from contextlib import ExitStack
from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from larder.common.per_key import RunningPerKey
from larder.identity.caller import Caller

MOST_READS = 6
"""Reading requests of an account that a process runs at once. Browsers open as many connections to
a server."""

_writes = RunningPerKey()
_reads = RunningPerKey(MOST_READS)


class AccountView(APIView):
    """A path whose requests of one account are limited in each process.

    Staff are exempt: their programs send in parallel, and their requests concern many accounts. So
    are the writes of a path that `only_places` orders, which are placed in groups
    (larder/common/batch_queue.py), and the reads of one whose answers `are_kept` for all.
    """

    only_places = False
    are_kept = False

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self._until_answered:
            return super().dispatch(request, *args, **kwargs)

    def begin_request(self, request: Request) -> None:
        """Called after authentication, with the body read: waits for other writes, or reads, of the
        account. Raises Overloaded."""
        who: Any = request.user
        if not isinstance(who, Caller) or who.is_staff:
            return
        if request.method in SAFE_METHODS:
            if not self.are_kept:
                self._until_answered.enter_context(_reads.running(who.id))
        elif not self.only_places:
            self._until_answered.enter_context(_writes.running(who.id))
