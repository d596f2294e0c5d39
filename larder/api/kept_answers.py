"""Answers of the product list that go out again in front of Django.

Once the bytes of a page are ready, what is left is the way to them: the request object, the
middleware, the look-up of the path, the view, and the same headers put on anew. None of it depends
on the customer. So an answer is kept as it left, headers and all, for whoever asks for the same in
the same way while its page is good enough for them (larder/api/v1/ready_pages.py). Who asks is
looked at each time, with what the process knows.

Whatever cannot be told at a glance goes to Django: a token not seen before, a page that has to be
looked at, anything unusual in the request. Nothing is refused here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic_ns, perf_counter_ns
from typing import Any

from larder.api.authentication import remembered_caller
from larder.api.content_type import Application
from larder.api.correlation import HEADER, correlation_id
from larder.api.in_front import Asked, Header, asked, keep
from larder.api.v1.http import Body, is_named
from larder.api.v1.ready_pages import PAGE, ReadyPage
from larder.identity.caller import Caller

PATH = "/api/v1/products"

NOT_MODIFIED = "not modified"

Tell = Callable[[int, int, str, Caller], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it left, but for its correlation id."""

    status: str
    code: int
    headers: list[Header]
    content: list[bytes]
    page: ReadyPage
    tag: str


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
        if question is None:
            return self._application(environ, start_response)
        began = perf_counter_ns()
        found = self._found(question, environ)
        if found is None:
            return self._keeping(question, environ, start_response)
        answer, caller = found
        given = correlation_id(environ.get("HTTP_CORRELATION_ID"))
        start_response(answer.status, [*answer.headers, (HEADER, given)])
        self._tell(answer.code, began, given, caller)
        return answer.content

    def _found(self, question: Asked, environ: dict[str, Any]) -> tuple[Answer, Caller] | None:
        """What is kept and good enough for whoever asks, and who that is."""
        answer = self._answers.get(question)
        if answer is None:
            return None
        seen = environ.get("HTTP_IF_NONE_MATCH")
        if seen is not None and is_named(seen, answer.tag):
            answer = self._answers.get((NOT_MODIFIED, *question))
        caller = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        if answer is None or caller is None or not answer.page.good_for(caller.id, monotonic_ns()):
            return None
        return answer, caller

    def _keeping(
        self, question: Asked, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Django's answer; it is kept if it is a page that was ready, or is now."""
        began: list[Any] = []

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            began[:] = [status, headers]
            return start_response(status, headers, *error)

        content = self._application(environ, begin)
        page, body = environ.get(PAGE, (None, None))
        if page is not None:
            self._keep(question, began[0], began[1], page, body)
        return content

    def _keep(
        self, question: Asked, status: str, headers: list[Header], page: ReadyPage, body: Body
    ) -> None:
        modified = status.startswith("200")
        lasting = [one for one in headers if one[0] != HEADER]
        content = [body.raw] if modified else []
        known_by = question if modified else (NOT_MODIFIED, *question)
        answer = Answer(status, int(status[:3]), lasting, content, page, body.tag)
        keep(self._answers, known_by, answer)
