"""The writing requests of a customer's account: one at a time in each process.

They need the same rows: the account's cart, orders, profile. Requests that wait for a row's lock
inside PostgreSQL keep a connection each, and those of one account could keep all of a process. So
they wait here, where a wait keeps no connection.
"""

from contextlib import ExitStack
from typing import Any

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from larder.common.per_key import PerKey
from larder.identity.caller import Caller

MOST_REQUESTS = max(1, settings.THREADS // 2)
"""Writing requests of an account that a process takes at a time, of which all but one wait. One
more is refused at once: the other half of the threads is for all others."""

LONGEST_WAIT = 5.0
"""Seconds that one waits before it is refused, as for the lock of a row."""

_writes = PerKey(MOST_REQUESTS)


class AccountView(APIView):
    """A path whose writing requests of one account run one at a time.

    Staff are exempt: their programs send in parallel, and their writes concern many accounts. So
    is a path that `only_places` orders: those are placed in groups (larder/common/group_commit.py).
    """

    only_places = False

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self._until_answered:
            return super().dispatch(request, *args, **kwargs)

    def begin_write(self, request: Request) -> None:
        """Waits, after authentication, for the other writes of the account. Raises Overloaded."""
        if request.method in SAFE_METHODS or self.only_places:
            return
        who: Any = request.user
        if isinstance(who, Caller) and not who.is_staff:
            self._until_answered.enter_context(_writes.alone(who.id, LONGEST_WAIT))
