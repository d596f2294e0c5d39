"""Limits the pages of the admin that a process makes at once for one user.

A page of an order of 1,000 lines takes seconds of the processor, and keeps a connection for as
long. Further pages of the user are refused, and leave the other connections to other users.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from larder.core.errors import Overloaded
from larder.core.per_key import SlotsPerKey
from larder.http import problems
from larder.http.negotiation import for_reader

MOST_PAGES = 6
pages = SlotsPerKey(MOST_PAGES)


def limited_page(view: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a page of the admin. The limit holds until the page is rendered."""

    @wraps(view)
    def limited(request: Any, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        try:
            with pages.hold(request.user.pk):
                answer = view(request, *args, **kwargs)
                return answer if getattr(answer, "is_rendered", True) else answer.render()
        except Overloaded as error:
            return for_reader(request, problems.from_domain(request, error))

    return limited
