"""What an operation takes and answers, declared once where it is: requests are read by it, and the
OpenAPI document shows it.

tests/http hold the document and the real answers together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any, get_args

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH, MAX_POSITION_LENGTH
from larder.identity.caller import Caller
from larder.v1.bodies import Csv, read_body, read_csv
from larder.v1.http import read_parameters


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a request can have, or that answers have. `on`: the statuses of these answers,
    True for all; none for a header of requests. `always`: no such answer is without it."""

    name: str
    description: str
    schema: Mapping[str, Any]
    on: Sequence[int] | bool = ()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Trait:
    """What several operations have in common: headers, and the codes that come with them.

    `repeats_with` names the header without which a repeat can have a second effect, or undo the
    change that another client made in between. Where only a change by the same customer can be
    undone, `caution` is the advice to repeat without the header.
    """

    headers: tuple[Header, ...] = ()
    codes: tuple[str, ...] = ()
    repeats_with: frozenset[str] = frozenset()
    caution: str = ""


def _sent(name: str, description: str, **schema: Any) -> Header:
    return Header(name, description, {"type": "string"} | schema)


def _answered(
    name: str, description: str, *, on: list[int] | bool, always: bool = True, **schema: Any
) -> Header:
    return Header(name, description, {"type": "string"} | schema, on, always)


CSV = "text/csv; charset=utf-8"
TAG = r'^"[0-9]+-[0-9a-f]+"$'
TAGGED = Trait((_answered("ETag", "Version and digest.", on=[200, 201, 304], pattern=TAG),))
CACHED = Trait((*TAGGED.headers, _sent("If-None-Match", "An ETag: 304 where it still holds.")))
ECHOED = Trait(
    (
        _sent(
            "Larder-Position",
            "From the answer to the last write: the reading shows that write, and may come from a "
            "replica.",
            minLength=1,
            maxLength=MAX_POSITION_LENGTH,
        ),
    )
)
WRITTEN = Trait(
    (
        _answered(
            "Larder-Position",
            "Where this write is, for readings to come; only where there are replicas. Opaque.",
            on=[200, 201, 204, 500, 503],
            always=False,
            pattern="^[A-Za-z0-9_-]{27}$",
        ),
    ),
    ("outcome_unknown",),
)
LOCATED = Trait((_answered("Location", "Where it is.", on=[201], format="uri-reference"),))
VERSIONED = Trait(
    (_sent("If-Match", "The ETag that was read: 412 after a change; * always holds."),),
    ("precondition_failed",),
    frozenset({"HTTP_IF_MATCH"}),
)
OWN_VERSIONED = replace(
    VERSIONED,
    caution="A repeat makes nothing twice, but may overwrite what another device of the same "
    "customer changed meanwhile; If-Match prevents that.",
)
"""Of what belongs to the caller's account alone."""
ENDING_LOG_INS = Trait(caution="A repeat also ends log-ins that began meanwhile.")
CREATING = Trait(
    (_sent("If-None-Match", "`*`: 412 if it is there already, archived or not.", enum=["*"]),),
    ("precondition_failed", "validation_error"),
    frozenset({"HTTP_IF_NONE_MATCH"}),
)
KEYED = Trait(
    (
        _sent(
            "Idempotency-Key",
            "Makes the request safe to repeat: the same key gives the same answer. "
            "One key, without a comma.",
            minLength=1,
            maxLength=MAX_IDEMPOTENCY_KEY_LENGTH,
            pattern="^[!-~]+$",
        ),
        _answered(
            "Idempotency-Replayed",
            "This repeats an earlier answer.",
            on=[200, 201],
            always=False,
            enum=["true"],
        ),
    ),
    ("idempotency_key_reused", "validation_error"),
    frozenset({"HTTP_IDEMPOTENCY_KEY"}),
)
QUOTA = Trait(
    (
        _answered(
            "RateLimit-Policy",
            "The quota that this counts for: its units, and the seconds in which it refills.",
            on=[200, 201, 429],
            always=False,
            pattern='^"[a-z_]+";q=[0-9]+;w=[0-9]+$',
        ),
        _answered(
            "RateLimit",
            "The units that are left of it, and the seconds until there is one more. Not on "
            "answers to what does not count, such as repeats.",
            on=[200, 201, 429],
            always=False,
            pattern='^"[a-z_]+";r=[0-9]+;t=[0-9]+$',
        ),
    ),
    ("quota_exceeded",),
)
"""Of what counts for a quota (larder/identity/quotas.py)."""
EVERYWHERE = Trait(
    (
        _answered(
            "Correlation-ID",
            "Names this request in the logs; one that was sent comes back.",
            on=True,
            pattern="^[0-9a-f]{32}$",
        ),
        _answered("WWW-Authenticate", "How to authenticate.", on=[401]),
        _answered("Allow", "The methods of this path.", on=[405]),
        _answered("Retry-After", "Seconds to wait.", on=[429, 503], pattern="^[0-9]+$"),
    ),
    (
        *("bad_request", "bad_host", "method_not_allowed", "not_acceptable", "throttled"),
        *("internal_error", "overloaded", "database_unavailable"),
    ),
)
TOKEN = Trait(codes=("not_authenticated", "token_invalid", "token_expired", "session_ended"))
BODY = Trait(
    codes=(
        *("malformed_json", "unknown_field", "validation_error"),
        *("body_too_large", "length_required", "unsupported_media_type"),
    )
)
FILE = Trait(
    codes=(
        *("unknown_field", "validation_error"),
        *("body_too_large", "length_required", "unsupported_media_type"),
    )
)
QUERY = Trait(codes=("validation_error",))


View = Callable[..., HttpResponseBase]
Reader = Callable[[HttpRequest, Caller | None], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """What is declared of an operation beside its function, which the declaration decorates.

    `answers`: the struct of each successful status, or a media type for an answer that is no JSON.
    `problems`: the codes that only this operation refuses with.
    `token`: it needs one; otherwise a given Authorization header is not looked at.
    `permissions`: those that it needs, all of them; only staff have any. `for_others`: the one that
    it needs for what belongs to other customers, which is hidden or refused without it.
    `is_short`: a body over MAX_OPEN_BODY_BYTES is refused before it is read. So is one of an
    operation without a token.
    `is_limited`: few requests of one account run at once (larder/http/account_requests.py). Orders
    are not, which are placed in batches. The product list limits only the pages that it reads.
    `first` is called before the body is read as JSON, and raises what refuses every body.
    `also` finds faults of the body that its struct cannot say.
    """

    tag: str = ""
    answers: Mapping[int, Any]
    problems: Sequence[str] = ()
    traits: Sequence[Trait] = ()
    token: bool = True
    permissions: Sequence[str] = ()
    for_others: str = ""
    is_short: bool = False
    is_limited: bool = True
    first: Callable[[], None] | None = None
    also: Callable[[dict[str, Any], Caller | None], Iterable[Any]] | None = None

    def __call__(self, run: View) -> "Operation":
        return Operation(run, self)


operation = Declaration


class Operation:
    """A function that answers requests of one method at one path, and what is declared of it.

    The function takes the request, the parts of the path by their names, and of these what it
    needs: `caller` (who asks), `query` (a struct of query parameters, or a function that reads
    it), `body` (a struct, or Csv). Its name is the operation's.
    """

    def __init__(self, run: View, declared: Declaration) -> None:
        self.run, self.declared, self.name = run, declared, run.__name__
        kinds = {name: one.annotation for name, one in signature(run).parameters.items()}
        self.body: Any = kinds.get("body")
        # Callable[[], ListParameters]: the function reads the parameters only where it needs them.
        self.query, self._reads_query = kinds.get("query"), not get_args(kinds.get("query"))
        if not self._reads_query:
            self.query = get_args(self.query)[-1]
        self._readers = dict(self._read_by(kinds))
        files = (one for one in declared.answers.values() if isinstance(one, str))
        self.media_type = next(files, "application/json").partition(";")[0]

    @property
    def repeats_with(self) -> frozenset[str]:
        """The headers with which a repeat makes nothing twice: larder/http/problems.py."""
        return frozenset().union(*(one.repeats_with for one in self.declared.traits))

    @property
    def caution(self) -> str:
        """What a repeat without these headers does, if it may be advised."""
        return " ".join(one.caution for one in self.declared.traits if one.caution)

    def answer(
        self, request: HttpRequest, who: Caller | None, path: Mapping[str, Any]
    ) -> HttpResponseBase:
        """Reads what the function takes, and calls it. Raises what either raises."""
        if self.declared.first is not None:
            self.declared.first()
        given = {name: read(request, who) for name, read in self._readers.items()}
        return self.run(request, **path, **given)

    def _read_by(self, kinds: Mapping[str, Any]) -> Iterator[tuple[str, Reader]]:
        if "caller" in kinds:
            yield "caller", lambda _, who: who
        if self.query is not None:
            yield "query", self._query_reader()
        if self.body is not None:
            yield "body", self._body_reader()

    def _query_reader(self) -> Reader:
        kind: Any = self.query
        if self._reads_query:
            return lambda request, _: read_parameters(request, kind)
        return lambda request, _: partial(read_parameters, request, kind)

    def _body_reader(self) -> Reader:
        if self.body is Csv:
            return lambda request, _: read_csv(request)
        also = self.declared.also
        if also is None:
            return lambda request, _: read_body(request, self.body)
        return lambda request, who: read_body(request, self.body, also=lambda body: also(body, who))
