"""Fixtures of v1's contract tests, for the tests of the fast path."""

from tests.http.conftest import api, application, as_
from tests.v1.conftest import (
    fast_path,
    many_products,
    processes_share,
    sessions_known,
    shelf,
    token,
)

__all__ = [
    "api",
    "application",
    "as_",
    "fast_path",
    "many_products",
    "processes_share",
    "sessions_known",
    "shelf",
    "token",
]
