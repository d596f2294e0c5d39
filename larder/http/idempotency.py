"""The `Idempotency-Key` of a request, and the header of an answer that repeats an earlier one."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH

HEADER = "Idempotency-Key"
_KEY = re.compile(rf"[!-+\-.-~]{{1,{MAX_IDEMPOTENCY_KEY_LENGTH}}}")


def idempotency_key(meta: Mapping[str, Any]) -> str | None:
    """Returns the `Idempotency-Key`; None without the header.

    A server joins headers of one name with commas (PEP 3333): a key with a comma is two keys.
    Raises InvalidInput unless the key has 1 to MAX_IDEMPOTENCY_KEY_LENGTH visible ASCII characters.
    """
    key: str | None = meta.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _KEY.fullmatch(key):
        some = f"1 to {MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters"
        detail = f"Expected one key of {some}, without a comma."
        raise InvalidInput([Fault(HEADER, "invalid_format", detail)])
    return key


def operation_of(request: HttpRequest) -> str:
    """Returns the operation of an idempotency key: method and path."""
    return f"{request.method} {request.path}"


def replay_headers(*, replayed: bool) -> dict[str, str]:
    """Returns the header of an answer that repeats an earlier one."""
    return {"Idempotency-Replayed": "true"} if replayed else {}
