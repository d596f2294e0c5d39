"""A WSGI application behind the event loop, with two threads, and bodies that must arrive soon."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
django.setup()
# They import models, so Django must be set up first.
from larder.front import requests  # noqa: E402
from larder.front.application import Front  # noqa: E402
from larder.front.threads import Threads  # noqa: E402

PART = b"x" * 65_536
PARTS = 2_000


class Streaming:
    """Long parts; the file that the query names has their number, and is there at the end."""

    streaming = True

    def __init__(self, file: Path) -> None:
        self._file = file
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        for self.sent in range(PARTS):
            yield PART

    def close(self) -> None:
        """Notes how many parts were taken."""
        self._file.write_text(str(self.sent))


class Endless:
    """Short parts without an end; the file that the query names is there when nobody takes more."""

    streaming = is_async = True

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    async def streaming_content(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"part"
                await asyncio.sleep(0.01)
        finally:
            self._file.touch()


def answer(environ: dict[str, Any], start_response: Any) -> Any:
    """Answers with the length of the body, or with long parts."""
    raw = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/parts":
        return Streaming(Path(environ["QUERY_STRING"]))
    if environ["PATH_INFO"] == "/endless":
        return Endless(Path(environ["QUERY_STRING"]))
    return [str(len(raw)).encode()]


requests.BODY_SECONDS = float(os.environ.get("BODY_SECONDS", "30"))
application = Front(answer, Threads(2), {}, lambda _: None)
