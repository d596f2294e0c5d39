"""Unusual methods and Accept headers: no path answers them with a server error."""

from typing import Any

import pytest

from larder.compat.urls import TITLES
from tests.conftest import Api
from tests.http.paths import EVERY, ID, PATHS

SENT = [
    ("OPTIONS", ""),
    ("TRACE", "text/html"),
    ("HEAD", "nonsense"),
    ("GET", "image/png"),
    ("GET", "text/html;q=x"),
    ("PROPFIND", "nonsense"),
]
"""Methods and Accept headers."""


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


@pytest.mark.parametrize(("method", "accepted"), SENT)
def test_no_path_answers_an_anonymous_request_with_a_5xx(
    stranger: Api, method: str, accepted: str
) -> None:
    statuses = {path: stranger(method, path, Accept=accepted).status for path in PATHS}
    assert [path for path, status in statuses.items() if status >= 500] == []
