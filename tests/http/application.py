"""The API as Django answers it in a server, in the tests' own process."""

from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test.client import ClientHandler

from larder.front.application import Application
from larder.front.requests import drop_charset


def make() -> Application:
    """Returns an application like that of larder/config/asgi.py."""
    django = WSGIHandler()

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        drop_charset(environ)
        return django(environ, start_response)

    return application


class Handler(ClientHandler):
    """The handler that Django's test client calls in place of Django's."""

    def __init__(self, application: Application) -> None:
        super().__init__(enforce_csrf_checks=False)
        self._application = application

    def __call__(self, environ: dict[str, Any]) -> Any:
        # As Django's does: the connection is in the transaction of the test.
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        try:
            return self._answer(environ)
        finally:
            request_started.connect(close_old_connections)
            request_finished.connect(close_old_connections)

    def _answer(self, environ: dict[str, Any]) -> Any:
        began: list[Any] = []
        content: Any = self._application(environ, lambda *start: began.extend(start))
        status, headers = began[:2]
        # A server sends no body with the answer to HEAD.
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else b"".join(content)
        answer: Any = HttpResponse(body, status=int(status[:3]))
        del answer.headers["Content-Type"]
        for name, value in headers:
            answer.headers[name] = value
        assert status == f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}"
        if hasattr(content, "close"):
            content.close()
        answer.wsgi_request = SimpleNamespace()
        return answer
