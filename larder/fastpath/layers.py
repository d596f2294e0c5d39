"""The layers of the fast path, in the order in which they see a request."""

from collections.abc import Callable

from larder.fastpath import orders, response_cache
from larder.fastpath.orders import OrderFastPath
from larder.fastpath.response_cache import AccessLogHook, ResponseCache
from larder.http.content_type import Application


def in_front_of(
    application: Application, log_access: Callable[[str, str], AccessLogHook]
) -> Application:
    """Returns an application that answers common requests, and passes all others on.

    `log_access` returns the hook for a method and the pattern of a path.
    """
    application = OrderFastPath(application, log_access("POST", orders.PATH))
    return ResponseCache(application, log_access("GET", response_cache.PATH))
