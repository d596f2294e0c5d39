"""The probe of the process, answered also while all threads are busy."""

from collections.abc import Mapping
from typing import Any

from larder.front.application import Answer, names, store, without
from larder.front.requests import Key, key_of
from larder.http import answered_requests
from larder.http.answered_requests import BEGAN
from larder.http.api_headers import CORRELATION_HEADER, CORRELATION_SENT, identify

METHOD, PATH = "GET", "/livez"

OWN_HEADERS = names(CORRELATION_HEADER)


class Alive:
    """Repeats Django's first answer, which is always the same."""

    def __init__(self) -> None:
        self._answers: dict[Key, Answer] = {}
        self._log = answered_requests.access_log_hook(METHOD, PATH)

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Returns the answer; None where Django has not answered yet."""
        key = key_of(environ)
        stored = None if key is None else self._answers.get(key)
        if stored is None:
            return None
        own = (CORRELATION_HEADER.lower().encode(), identify(environ).encode())
        self._log(stored.status, environ[BEGAN], environ[CORRELATION_SENT], None, PATH)
        return stored._replace(headers=[*stored.headers, own])

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores Django's answer."""
        if answer.status == 200:
            stored = answer._replace(headers=without(answer.headers, OWN_HEADERS))
            store(self._answers, key_of(environ), stored)
