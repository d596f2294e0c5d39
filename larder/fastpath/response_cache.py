"""Answers of the product list that go out again in front of Django.

Once the bytes of a page are ready, what is left is the way to them: the request object, the
middleware, the look-up of the path, the view, and the same headers put on anew. None of it depends
on the customer. So an answer is kept as it left, headers and all, for whoever asks for the same in
the same way while its page is good enough for them (larder/v1/ready_pages.py). A page that is
not is looked at, and made anew if it has changed, by the same functions as behind Django; its
answer then has the headers of the one before, but for what tells of its bytes. Who asks is looked
at each time, with what the process knows.

Whatever cannot be told at a glance goes to Django: a token not seen before, anything unusual in the
request, a page that could not be had, with the reason. Nothing is refused here.
"""

from collections.abc import Callable, Iterable
from time import monotonic_ns, perf_counter_ns
from typing import Any

from django_guid import clear_guid

from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.fastpath.cache_key import Asked, Header, asked, keep
from larder.http.authentication import remembered_caller
from larder.http.content_type import Application
from larder.http.correlation import HEADER, ID, correlation_id, identify
from larder.identity.caller import Caller
from larder.v1.freshness import REPLICATED
from larder.v1.http import Body, is_named
from larder.v1.ready_pages import PAGE, ReadyPage, ReadyPages
from larder.v1.resources import EARLIER_ERROR

PATH = "/api/v1/products"

NOT_MODIFIED = "not modified"

Tell = Callable[[int, int, str, Caller], None]


OF_THE_BYTES = frozenset({"ETag", "Content-Length", HEADER})
"""Headers that tell of the bytes; and the one that each answer has for itself."""


class Answer:
    """An answer as it left, but for its correlation id. `lasting` are those of its headers that
    stay as they are when its page changes."""

    __slots__ = ("body", "code", "content", "headers", "lasting", "page", "pages", "status")

    def __init__(
        self, status: str, lasting: list[Header], pages: ReadyPages, page: ReadyPage, body: Body
    ) -> None:
        self.status, self.code, self.lasting = status, int(status[:3]), lasting
        self.pages, self.page, self.body = pages, page, body
        self.content = [body.raw] if self.code == 200 else []
        length = str(sum(map(len, self.content)))
        self.headers = [*lasting, ("ETag", body.tag), ("Content-Length", length)]

    def after(self, page: ReadyPage) -> "Answer | None":
        """The same answer with what its page has become. None where more than bytes would change:
        it is compressed from some size on, and not kept from another on."""
        if page is self.page:
            return self
        if page.packs is not self.page.packs or not page.is_kept:
            return None
        body = page.plain if self.body is self.page.plain else page.packed
        return Answer(self.status, self.lasting, self.pages, page, body)


class KeptAnswers:
    """A WSGI application that answers what it can, and hands everything else to `application`.

    `tell` is told of each answer that Django does not see: its status, when the request came
    (nanoseconds of the performance counter), its correlation id, who asked.
    """

    def __init__(self, application: Application, tell: Tell) -> None:
        self._application = application
        self._tell = tell
        self._answers: dict[Asked, Answer] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
            return self._application(environ, start_response)
        question = asked(environ)
        if question is None or environ.get("CONTENT_LENGTH"):
            return self._application(environ, start_response)
        environ[BEGAN] = perf_counter_ns()
        found = self._found(question, environ)
        if found is None:
            return self._keeping(question, environ, start_response)
        answer, caller = found
        given = correlation_id(environ.get(ID))
        start_response(answer.status, [*answer.headers, (HEADER, given)])
        self._tell(answer.code, environ[BEGAN], given, caller)
        return answer.content

    def _found(self, question: Asked, environ: dict[str, Any]) -> tuple[Answer, Caller] | None:
        """What is good enough for whoever asks, and who that is."""
        answer = self._answers.get(question)
        caller = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        if answer is None or caller is None:
            return None
        if not answer.page.good_for(caller.id, monotonic_ns()):
            answer = self._renewed(question, answer, caller, environ)
        seen = environ.get("HTTP_IF_NONE_MATCH")
        if seen is not None and answer is not None and is_named(seen, answer.body.tag):
            answer = self._kept_with(answer.page, (NOT_MODIFIED, *question))
        return None if answer is None else (answer, caller)

    def _renewed(
        self, question: Asked, answer: Answer, caller: Caller, environ: dict[str, Any]
    ) -> Answer | None:
        """With its page as it is now; None where that is for Django to tell."""
        if REPLICATED:
            return None
        identify(environ)
        try:
            page = answer.pages.renewed(answer.page, caller.id)
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        database.release()
        clear_guid()
        return self._kept_with(page, question)

    def _kept_with(self, page: ReadyPage, question: Asked) -> Answer | None:
        """The answer that is kept for the question, with this page. None, and no longer kept, where
        it is for Django to make."""
        known = self._answers.get(question)
        answer = known and known.after(page)
        if answer is None:
            self._answers.pop(question, None)
        elif answer is not known:
            keep(self._answers, question, answer)
        return answer

    def _keeping(
        self, question: Asked, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Django's answer; it is kept if it is a page that was ready, or is now."""
        began: list[Any] = []

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            began[:] = [status, headers]
            return start_response(status, headers, *error)

        content = self._application(environ, begin)
        if PAGE in environ:
            status, headers = began
            lasting = [one for one in headers if one[0] not in OF_THE_BYTES]
            known_by = question if status.startswith("200") else (NOT_MODIFIED, *question)
            keep(self._answers, known_by, Answer(status, lasting, *environ[PAGE]))
        return content
