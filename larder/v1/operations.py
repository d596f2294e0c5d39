"""Declares the input and the answers of an operation, once, at its function. Requests are read by
the declaration, and the OpenAPI document is made from it.

Tests in tests/http compare the document with real answers.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any, get_args

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from larder.core.errors import Fault, InvalidInput
from larder.core.limits import MAX_FAULTS, MAX_OPEN_BODY_BYTES
from larder.db import replicas
from larder.http import pagination, throttling
from larder.http.api_headers import POSITION_SENT, decode_position, idempotency_key
from larder.http.bodies import encoded
from larder.http.preconditions import wants_none
from larder.identity.caller import Caller
from larder.v1.bodies import CSV_TYPES, Csv, Signed, read_body, read_parameters, read_raw
from larder.v1.http import Answer, Listed, no_content, reply_tagged, version_wanted

MAX_SIGNED_BODY_BYTES = 100 * 1024
"""Bytes of a body that is signed: an event of a payment provider."""

MAX_OPEN_FAULTS = 50
"""Faults that an answer lists to a request without credentials: finding one takes 10 µs."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What several operations share: headers, which tools/openapi_parts.py describes by `name`, and
    the codes that belong to them."""

    name: str = ""
    codes: tuple[str, ...] = ()
    repeats_with: frozenset[str] = frozenset()
    """Headers that make a repeat safe: without them, it can have a second effect, or undo a later
    change by another client."""


CSV = "text/csv; charset=utf-8"
TAGGED = Trait("tagged")
"""Answers have an ETag."""
CACHED = Trait("cached")
"""As TAGGED, and a request may send the tag that it has."""
ECHOED = Trait("echoed")
"""A replica may answer, with the write whose position the request echoes."""
LOCATED = Trait("located")
VERSIONED = Trait("versioned", ("precondition_failed",), frozenset({"HTTP_IF_MATCH"}))
OWN_VERSIONED = replace(VERSIONED, repeats_with=frozenset())
"""For objects that only the caller changes: a repeat is safe without the header too."""
CREATING = Trait("creating", ("precondition_failed",), frozenset({"HTTP_IF_NONE_MATCH"}))
KEYED = Trait("keyed", ("idempotency_key_reused",), frozenset({"HTTP_IDEMPOTENCY_KEY"}))
QUOTA = Trait("quota", ("quota_exceeded",))
"""For operations that count for a quota (larder/identity/services/quotas.py)."""

View = Callable[..., Any]
Reader = Callable[[HttpRequest, Caller | None], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """The declaration of an operation, which decorates its function."""

    tag: str = ""
    answers: Mapping[int, Any]
    """The struct of each successful status, or a media type for an answer that is not JSON."""
    problems: Sequence[str] = ()
    """The codes of its refusals, besides those of its traits, and `not_found` for a path with an
    id."""
    traits: Sequence[Trait] = ()
    token: bool = True
    """Whether it needs a token; otherwise an Authorization header is ignored."""
    permissions: Sequence[str] = ()
    """The permissions that it needs, all of them; only staff have any."""
    for_others: str = ""
    """The permission for objects of other customers, hidden or refused without it."""
    key_permission: str | None = None
    """The permission for what belongs to the key's owner, if the key names permissions; None for
    that of `for_others`, empty where such a key needs none."""
    is_short: bool = False
    """Whether a body over MAX_OPEN_BODY_BYTES is refused before it is read, as without a token."""
    example: Any = None
    """A body, for the OpenAPI document."""

    def __call__(self, run: View) -> "Operation":
        return Operation(run, self)


operation = Declaration


_READ_HEADERS: Mapping[str, Reader] = {
    "HTTP_IDEMPOTENCY_KEY": lambda request, _: idempotency_key(request.META),
    "HTTP_IF_NONE_MATCH": lambda request, _: wants_none(request),
}
"""The headers that may have a fault, and the functions that refuse it."""


_ARGUMENTS = {"request", "caller", "query", "cursor", "since", "version", "body"}


class Operation:
    """A function that answers requests of one method at one path, with its declaration.

    The function takes the variable parts of the path by name, and any of `request`, `caller`,
    `query` (a struct of query parameters), `cursor` and `since` (a Cursor or None), `version` (that
    in `If-Match`) and `body` (a struct, Csv or Signed). It returns a struct, an Answer, a Listed,
    None for an answer without a body, or a response. Its name is the operation's id.
    """

    def __init__(self, run: View, declared: Declaration) -> None:
        self.run, self.declared, self.name = run, declared, run.__name__
        kinds = {
            name: parameter.annotation for name, parameter in signature(run).parameters.items()
        }
        self.body: Any = kinds.get("body")
        self.query: Any = kinds.get("query")
        of_path = ("not_found",) if kinds.keys() - _ARGUMENTS else ()
        self.problems = (*declared.problems, *of_path)
        self._cursor: Any = next(iter(get_args(kinds.get("cursor"))), None)
        self._status, self._kind = next(iter(declared.answers.items()))
        self._is_tagged = not {TAGGED, CACHED}.isdisjoint(declared.traits)
        self._is_located = LOCATED in declared.traits
        # What is signed comes from a payment provider, for many customers.
        self._is_counted = not declared.token and self.body not in {None, Signed}
        self._most_faults = MAX_OPEN_FAULTS if self._is_counted else MAX_FAULTS
        self._readers = list(self._read_by(kinds))
        self._is_causal = ECHOED in declared.traits
        files = (answer for answer in declared.answers.values() if isinstance(answer, str))
        self.media_type = next(files, "application/json").partition(";")[0]

    @property
    def key_permission(self) -> str:
        """The permission that a key needs for its owner's objects; empty where it needs none."""
        named, others = self.declared.key_permission, self.declared.for_others
        return others if named is None else named

    @property
    def most_bytes(self) -> int:
        """The bytes of a body above which it is refused before the credentials are checked."""
        if self.body is Signed:
            return MAX_SIGNED_BODY_BYTES
        is_short = self.declared.is_short or not self.declared.token
        return MAX_OPEN_BODY_BYTES if is_short else sys.maxsize

    @property
    def repeats_with(self) -> frozenset[str]:
        """The headers with which a repeat has no second effect (larder/http/problems.py)."""
        return frozenset().union(*(trait.repeats_with for trait in self.declared.traits))

    def answer(
        self, request: HttpRequest, who: Caller | None, path: Mapping[str, Any]
    ) -> HttpResponseBase:
        """Reads the arguments of the function, and calls it; on a replica, if the operation is
        ECHOED and the caller a customer who sends a position. Raises InvalidInput with the faults
        of all arguments, and what the function raises."""
        if self._is_counted:
            throttling.anonymous(request)
        arguments = self._arguments(request, who)
        if self._is_causal and replicas.replicas() and who is not None and not who.is_staff:
            echo = decode_position(request.META.get(POSITION_SENT, ""))
            if echo is not None and echo.position is not None:
                read = partial(self.run, **path, **arguments)
                return self._written(request, replicas.read(echo.position, read))
        return self._written(request, self.run(**path, **arguments))

    def _written(self, request: HttpRequest, result: Any) -> HttpResponseBase:
        """Returns the answer with what the function returned."""
        if isinstance(result, HttpResponseBase):
            return result
        if result is None:
            return no_content(self._status)
        if isinstance(result, Listed):
            links = pagination.links(request)
            rows, link = pagination.part(links, result.part, self._cursor.of)
            result = self._kind([result.shape(row) for row in rows], link, **result.others)
        answer = result if isinstance(result, Answer) else Answer(result)
        payload, status = answer.payload, answer.status or self._status
        if self._is_tagged:
            version = getattr(payload, "version", 0) if answer.version is None else answer.version
            response = reply_tagged(request, payload, version=version, of=answer.of)
        else:
            response = HttpResponse(encoded(payload), content_type="application/json")
        if status != 200:
            response.status_code = status
        if self._is_located and status == 201:
            response.headers["Location"] = answer.location or f"{request.path}/{payload.id}"
        if answer.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    def _read_by(self, kinds: Mapping[str, Any]) -> Iterator[tuple[str, Reader]]:
        if "request" in kinds:
            yield "request", lambda request, _: request
        if "caller" in kinds:
            yield "caller", lambda _, caller: caller
        if "version" in kinds:
            yield "version", lambda request, _: version_wanted(request)
        if self.query is not None:
            yield "query", lambda request, _: read_parameters(request, self.query)
        for name in kinds.keys() & pagination.UNUSABLE.keys():
            yield name, partial(_read_cursor, name, get_args(kinds[name])[0])
        if self.body is not None:
            yield "body", self._read_body
        # The function reads these headers itself; their faults belong to those of the arguments.
        for header in sorted(self.repeats_with & _READ_HEADERS.keys()):
            yield "", _READ_HEADERS[header]

    def _arguments(self, request: HttpRequest, caller: Caller | None) -> dict[str, Any]:
        """Reads the arguments of the function. Raises InvalidInput with the faults of all."""
        arguments: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, read in self._readers:
            try:
                arguments[name] = read(request, caller)
            except InvalidInput as error:
                # A cursor with a character that no parameter may have is one fault, not two.
                known = {fault.where for fault in faults}
                faults += [fault for fault in error.faults if fault.where not in known]
        if faults:
            raise InvalidInput(faults)
        arguments.pop("", None)
        return arguments

    def _read_body(self, request: HttpRequest, _: Caller | None) -> Any:
        if self.body in {Csv, Signed}:
            return read_raw(request, *(CSV_TYPES if self.body is Csv else ()))
        return read_body(request, self.body, self._most_faults)


def _read_cursor(
    name: str, kind: type[pagination.Kind], request: HttpRequest, caller: Caller | None
) -> pagination.Kind | None:
    return pagination.read(name, kind, 0 if caller is None else caller.id, request.GET)
