"""Fixtures of v1's contract tests, for those of what answers before Django does."""

from tests.http.conftest import api, application, as_
from tests.v1.conftest import door, many_products, processes_share, sessions_known, shelf, token

__all__ = [
    "api",
    "application",
    "as_",
    "door",
    "many_products",
    "processes_share",
    "sessions_known",
    "shelf",
    "token",
]
