"""Limits the pages of the admin that a process makes at once for one user.

A page of an order of 1,000 lines takes seconds of the processor, and keeps a connection for as
long. Further pages of the user wait, without a connection, and leave the others to other users.
"""

from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import Any

from larder.core.errors import Overloaded
from larder.core.per_key import RunningPerKey
from larder.core.shares import held_by
from larder.http import admin_session, problems
from larder.http.error_pages import for_reader
from larder.http.raw_body import is_late

MOST_PAGES = 2
pages = RunningPerKey(MOST_PAGES)


def limited_page(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a page of the admin. The limit holds until the page is rendered. The session and the
    user are read again after a long wait."""

    @wraps(view)
    def limited(request: Any, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        began = monotonic()
        try:
            with held_by(request.user.pk), pages.running(request.user.pk, "staff"):
                if is_late(began):
                    admin_session.read_again(request)
                answer = view(request, *args, **kwargs)
                return answer if getattr(answer, "is_rendered", True) else answer.render()
        except Overloaded as error:
            return for_reader(request, problems.from_domain(request, error))

    return limited
