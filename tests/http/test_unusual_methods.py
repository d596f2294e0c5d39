"""Unusual methods and Accept headers: no path answers them with a server error."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern

from config import urls
from larder.compat.documents import TITLES
from larder.compat.urls import patterns
from tests.conftest import Api

METHODS = ("OPTIONS", "TRACE", "HEAD", "GET", "PROPFIND")
ACCEPTED = ("image/png", "text/html", "text/html;q=x", "nonsense", "")
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
VALUES = {"int": "1", "id": ID, "uuid": ID}
"""What is in a path for a parameter of a converter; a word for every other one."""

EXPRESSIONS = (f"api/orders/{ID}/", "identity/", "word")
"""Paths that the regular expressions match."""


PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


def _text(pattern: Any) -> str:
    """A path that the pattern matches."""
    if isinstance(pattern, RegexPattern):
        return next(one for one in EXPRESSIONS if pattern.match(one))
    return PARAMETER.sub(lambda found: VALUES.get(found[1], "word"), str(pattern))


def _below(found: Sequence[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    for one in found:
        path = before + _text(one.pattern)
        if isinstance(one, URLResolver):
            yield from _below(one.url_patterns, path)
        else:
            yield path


EVERY: Sequence[Any] = (*urls.urlpatterns, *patterns(frozenset(TITLES)))
PATHS = sorted(set(_below(EVERY)))


@pytest.fixture
def stranger(db: None, settings: Any) -> Api:
    """A client without credentials, of a server with every contract on."""
    settings.ROOT_URLCONF = EVERY
    settings.COMPAT = frozenset(TITLES)
    return Api()


def test_the_paths_include_every_contract_and_the_admin() -> None:
    some = {"/api/v1/docs", "/api/order/", "/auth/", "/admin/orders/order/word/pack/"}
    assert some < set(PATHS)
    assert f"/api/orders/{ID}/" in PATHS


@pytest.mark.parametrize("method", METHODS)
def test_no_path_answers_an_anonymous_request_with_a_5xx(stranger: Api, method: str) -> None:
    failed = [
        (path, accepted)
        for path in PATHS
        for accepted in ACCEPTED
        if stranger(method, path, Accept=accepted).status >= 500
    ]
    assert failed == []


def test_the_documentation_page_does_not_accept_options(stranger: Api) -> None:
    answer = stranger("OPTIONS", "docs")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.body["code"] == "method_not_allowed"
