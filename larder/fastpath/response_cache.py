"""The response cache: responses of the product list, sent again without calling Django.

The page cache (larder/v1/page_cache.py) has the bytes of a page. Most of the remaining time is
spent in the request object, the middleware, finding the path, the view and the headers. None of
it depends on the customer. So whole responses, with their headers, are stored by the cache key of
the request, and sent to every caller for whom the page is current enough. An outdated page is
checked, and read again if it has changed, by the functions that Django's view calls; the new
response has the stored headers, except those that depend on the body. The caller is authenticated
for each request, with the tokens that this process has verified before.

All other requests go to Django: a token that is new to this process, a header of BYPASS_HEADERS,
or a page that could not be read (Django then answers with the error). Nothing is refused here.
"""

from collections.abc import Callable, Iterable
from time import monotonic_ns, perf_counter_ns
from typing import Any

from larder.core.ids import CORRELATION_ID
from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.fastpath.cache_key import CacheKey, Header, cache_key, store
from larder.http.authentication import remembered_caller
from larder.http.content_type import Application
from larder.http.correlation import HEADER, ID, correlation_id, identify
from larder.identity.caller import Caller
from larder.v1 import freshness
from larder.v1.freshness import REPLICATED, Needed
from larder.v1.http import Body, is_named
from larder.v1.page_cache import PAGE, CachedPage, PageCache
from larder.v1.resources import EARLIER_ERROR

PATH = "/api/v1/products"

NOT_MODIFIED = "not modified"

AccessLogHook = Callable[[int, int, str, Caller, str], None]
"""Counts and logs a response that Django does not see: its status, when the request came
(nanoseconds of the performance counter), its correlation id, its caller, its path."""

BODY_HEADERS = frozenset({"ETag", "Content-Length", HEADER})
"""Headers that depend on the body, and the correlation id, which differs for each response."""


class Answer:
    """A response without its correlation id. `shared` are the headers that stay the same when the
    page changes."""

    __slots__ = ("body", "code", "content", "headers", "page", "pages", "shared", "status")

    def __init__(
        self, status: str, shared: list[Header], pages: PageCache, page: CachedPage, body: Body
    ) -> None:
        self.status, self.code, self.shared = status, int(status[:3]), shared
        self.pages, self.page, self.body = pages, page, body
        self.content = [body.raw] if self.code == 200 else []
        length = str(sum(map(len, self.content)))
        self.headers = [*shared, ("ETag", body.tag), ("Content-Length", length)]

    def after(self, page: CachedPage) -> "Answer | None":
        """Returns this response with the new page. None if other headers change too: small pages
        are not compressed, and large pages are not stored."""
        if page is self.page:
            return self
        if page.packs is not self.page.packs or not page.is_kept:
            return None
        body = page.plain if self.body is self.page.plain else page.packed
        return Answer(self.status, self.shared, self.pages, page, body)


class ResponseCache:
    """A WSGI application that sends stored responses, and passes other requests to `application`.

    It calls `log_access` for each response that Django does not see.
    """

    def __init__(self, application: Application, log_access: AccessLogHook) -> None:
        self._application = application
        self._log_access = log_access
        self._answers: dict[CacheKey, Answer] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return self._application(environ, start_response)
        key = cache_key(environ)
        if key is None or environ.get("CONTENT_LENGTH"):
            return self._application(environ, start_response)
        environ[BEGAN] = perf_counter_ns()
        found = self._found(key, environ)
        if found is None:
            return self._store(key, environ, start_response)
        answer, caller = found
        given = correlation_id(environ.get(ID))
        start_response(answer.status, [*answer.headers, (HEADER, given)])
        self._log_access(answer.code, environ[BEGAN], given, caller, PATH)
        return answer.content

    def _found(self, key: CacheKey, environ: dict[str, Any]) -> tuple[Answer, Caller] | None:
        """Returns a response that is current enough for the caller, and the caller."""
        answer = self._answers.get(key)
        caller = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        # The rights of staff are read for each request.
        if answer is None or caller is None or caller.is_staff:
            return None
        needed = freshness.needed(caller, environ.get(freshness.SENT))
        if not answer.page.shows(needed, monotonic_ns()):
            answer = self._renewed(key, answer, caller, needed, environ)
        seen = environ.get("HTTP_IF_NONE_MATCH")
        if seen is not None and answer is not None and is_named(seen, answer.body.tag):
            answer = self._stored_with(answer.page, (NOT_MODIFIED, *key))
        return None if answer is None else (answer, caller)

    def _renewed(
        self, key: CacheKey, answer: Answer, caller: Caller, needed: Needed, environ: dict[str, Any]
    ) -> Answer | None:
        """Returns the response with the current page; None where Django must answer."""
        if REPLICATED:
            return None
        identify(environ)
        try:
            page = answer.pages.renewed(answer.page, caller, needed)
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        database.release()
        CORRELATION_ID.set(None)
        return self._stored_with(page, key)

    def _stored_with(self, page: CachedPage, key: CacheKey) -> Answer | None:
        """Returns the response that is stored for the key, with this page. Deletes it and returns
        None where Django must answer."""
        known = self._answers.get(key)
        answer = known and known.after(page)
        if answer is None:
            self._answers.pop(key, None)
        elif answer is not known:
            store(self._answers, key, answer)
        return answer

    def _store(
        self, key: CacheKey, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Returns Django's response. Stores it if its body is in the page cache."""
        began: list[Any] = []

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            began[:] = [status, headers]
            return start_response(status, headers, *error)

        content = self._application(environ, begin)
        if PAGE in environ:
            status, headers = began
            shared = [one for one in headers if one[0] not in BODY_HEADERS]
            stored_as = key if status.startswith("200") else (NOT_MODIFIED, *key)
            store(self._answers, stored_as, Answer(status, shared, *environ[PAGE]))
        return content
