"""The server with a defect in the middle of what it does with secrets; DEFECT says which.

`leak` writes a password into the log as a client might do who looks for an error.
"""

import logging
import os
from typing import Any, NoReturn

from larder.config.asgi import application
from larder.db import idempotency
from larder.identity.services import credentials, keys, sessions

__all__ = ["application"]


def _fail(*_args: object, **_more: object) -> NoReturn:
    raise RuntimeError("a defect")


def _leaking(username: str, password: str) -> Any:
    logging.getLogger("larder").info("trying %s with %s", username, password)
    return credentials.verified(username, password)


if os.environ["DEFECT"] == "leak":
    setattr(sessions, "verified", _leaking)  # noqa: B010
else:
    for module, name in (
        (sessions, "lock_unchanged"),
        (sessions, "_rotate"),
        (keys, "lock_unchanged"),
        (keys, "lock_account"),
        (idempotency, "once"),
    ):
        setattr(module, name, _fail)
