"""Makes a path for each URL pattern."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern

from larder.compat.urls import TITLES, patterns
from larder.config import urls

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
VALUES = {"int": "1", "id": ID, "uuid": ID}
"""What is in a path for a parameter of a converter; a word for every other one."""
EXPRESSIONS = (f"api/orders/{ID}/", "api/user/word", "api/product/1", "identity/", "word")
"""Paths that the regular expressions match."""
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


def path_of(pattern: Any) -> str:
    """A path that the pattern matches."""
    if isinstance(pattern, RegexPattern):
        return next(expression for expression in EXPRESSIONS if pattern.match(expression))
    return PARAMETER.sub(lambda match: VALUES.get(match[1], "word"), str(pattern))


def _below(patterns: Sequence[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    for pattern in patterns:
        path = before + path_of(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, path)
        else:
            yield path


EVERY: Sequence[Any] = (*urls.urlpatterns, *patterns(frozenset(TITLES)))
PATHS = sorted(set(_below(EVERY)))
