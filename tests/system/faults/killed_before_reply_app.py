"""The server's entry point, whose worker dies once a request is wholly done and not yet answered.

WARRANT is a file that allows one death: it is used up, so that the repeated request is answered.
By then the view has returned, and whatever it wrote is committed.
"""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.wsgi import application as answer

__all__ = ["application"]

WARRANT = Path(os.environ["WARRANT"])


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Does what the request says and, with a warrant, is killed with the answer."""
    response: Iterable[bytes] = answer(environ, start_response)
    with suppress(FileNotFoundError):
        WARRANT.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return response
