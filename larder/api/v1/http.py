"""Reading requests and writing answers: what every view of v1 shares."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from larder.api.problems import problem
from larder.api.v1.faults import faults, nul_faults
from larder.common.errors import DomainError, Fault, InvalidInput
from larder.common.idempotency import Claim, Scope
from larder.common.ids import NOBODY
from larder.identity.caller import Caller

Body = TypeVar("Body", bound=msgspec.Struct)


class BodyTooLarge(DomainError):
    """More bytes than DATA_UPLOAD_MAX_MEMORY_SIZE."""

    code = "body_too_large"


def caller(request: Request) -> Caller:
    """Who is asking, on an operation that needs a token."""
    user: Caller = request.user
    return user


def read_body(request: Request, kind: type[Body]) -> Body:
    """The body as a `kind`; an empty one counts as `{}`.

    Raises BodyTooLarge, UnsupportedMediaType, ParseError (no JSON), InvalidInput (all faults).
    """
    raw = _raw_body(request) or b"{}"
    try:
        # \u0000 cannot be seen in the raw bytes otherwise; it is rare, the walk is not cheap.
        if b"\\u0000" not in raw:
            return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError from error
    return _explain(raw, kind)


def _raw_body(request: Request) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise BodyTooLarge
    raw: bytes = request._request.body
    media_type = (request.META.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if raw and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(media_type)
    return raw


def _explain(raw: bytes, kind: type[Body]) -> Body:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError from error
    found = [*nul_faults(value), *faults(value, kind)]
    if found:
        raise InvalidInput(found)
    return msgspec.convert(value, kind)


def read_parameters(request: Request, kind: type[Body]) -> Body:
    """The query parameters that `kind` declares; others are not looked at.

    Raises InvalidInput; the pointer of a fault is the parameter's name.
    """
    names = {field.encode_name for field in msgspec.structs.fields(kind)}
    given = {name: text for name, text in request.query_params.items() if name in names}
    found = [*nul_faults(given)]
    try:
        if not found:
            return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError:
        found = _parameter_faults(given, kind)
    raise InvalidInput([Fault(f.where.strip("/"), f.code, f.detail) for f in found])


def _parameter_faults(given: Mapping[str, str], kind: type[Body]) -> list[Fault]:
    found = []
    for name, text in given.items():
        try:
            msgspec.convert({name: text}, kind, strict=False)
        except msgspec.ValidationError as error:
            sentence = str(error).split(" - at `$")[0].replace("`", "")
            found.append(Fault(name, "invalid", f"{sentence}."))
    return found


_ENCODER = msgspec.json.Encoder()


def reply(
    payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A JSON answer."""
    response = HttpResponse(
        _ENCODER.encode(payload), status=status, content_type="application/json"
    )
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def reply_tagged(
    request: Request,
    payload: Any,
    *,
    version: int = 0,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A JSON answer with an ETag (`"<version>-<digest>"`), or 304 where the client has it."""
    raw = _ENCODER.encode(payload)
    tag = f'"{version}-{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'
    seen = request.META.get("HTTP_IF_NONE_MATCH")
    if seen and request.method in {"GET", "HEAD"} and _names(seen, tag):
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(raw, status=status, content_type="application/json")
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def _names(header: str, tag: str) -> bool:
    given = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in given or tag in given


_IF_MATCH = re.compile(r'(?:W/)?"(\d{1,9})-[0-9a-f]*"')


def version_wanted(request: Request) -> int | None:
    """The version that `If-Match` names; None without the header or for `*`.

    Something else in the header can match no version: -1.
    """
    header = (request.META.get("HTTP_IF_MATCH") or "").strip()
    if header in {"", "*"}:
        return None
    found = _IF_MATCH.fullmatch(header)
    return int(found[1]) if found else -1


_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key`, if one was sent. Raises InvalidInput unless visible ASCII ≤ 255."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _KEY.fullmatch(key):
        detail = "1 to 255 visible ASCII characters."
        raise InvalidInput([Fault("Idempotency-Key", "invalid_format", detail)])
    return key


def operation(request: Request) -> str:
    """What an idempotency key belongs to, besides the caller: method and path."""
    return f"{request.method} {request.path}"


def claim(request: Request, fingerprint: bytes, **options: Any) -> Claim | None:
    """The claim of the request's key for `fingerprint`, if it has a key."""
    key = idempotency_key(request)
    if key is None:
        return None
    actor = request.user.public_id if request.user else NOBODY
    return Claim(Scope(actor, operation(request), key), fingerprint, **options)


def replay_headers(replayed: bool) -> dict[str, str]:
    """What tells the client that this answer repeats an earlier one."""
    return {"Idempotency-Replayed": "true"} if replayed else {}


class Endpoint(APIView):
    """A path of v1. Views answer with HttpResponse; nothing is parsed or rendered by the
    framework, which does authentication, permissions, throttling and errors."""

    parser_classes = ()

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        allowed = ", ".join(self.allowed_methods)
        return problem("method_not_allowed", headers={"Allow": allowed})
