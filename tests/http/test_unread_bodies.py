"""Bodies that a server does not read are those that nginx refuses."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.test import Client
from django.urls import URLResolver
from django.urls.resolvers import RegexPattern

from config.urls import urlpatterns
from larder.compat.urls import patterns as earlier_contracts
from larder.core.limits import MAX_OPEN_BODY_BYTES
from larder.http.body_limits import LEFT_UNREAD
from tests.http.nested_bodies import ID
from tools.nginx import SHARED

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
VALUES = {"int": "1", "id": ID, "uuid": ID, "slug": "not_found", "path": "x", "str": "x"}
SHORT = re.compile(r"location ~ (\S+) \{\s+client_max_body_size 16k;")


def paths(patterns: Iterable[Any], before: str = "/") -> Iterator[str]:
    """Yield a path for each pattern; of the admin, which has many alike, three."""
    for one in patterns:
        route = re.sub(r"<(\w+):\w+>", lambda found: VALUES[found[1]], str(one.pattern))
        if route == "admin/":
            yield from ("/admin/", "/admin/catalog/product/add/", "/admin/jsi18n/")
        elif isinstance(one, URLResolver):
            yield from paths(one.url_patterns, before + route)
        elif not isinstance(one.pattern, RegexPattern):
            yield before + route


def test_bodies_that_a_server_would_not_read_do_not_reach_it(db: None, settings: Any) -> None:
    """It closes the connection, on which nginx may have sent the request of another client."""
    (limited,) = SHORT.findall((SHARED / "server.conf").read_text())
    settings.ROOT_URLCONF = (*urlpatterns, *earlier_contracts(frozenset("01234")))
    unread, body = set(), b" " * (MAX_OPEN_BODY_BYTES + 1)
    for path in paths(settings.ROOT_URLCONF):
        for method in METHODS:
            answer = Client().generic(method, path, body, "application/json")
            if LEFT_UNREAD in answer.wsgi_request.META:
                unread.add(path)
    assert {"/api/v1/auth/token", "/auth/", "/admin/login/"} <= unread
    assert [path for path in unread if not re.search(limited, path)] == []
