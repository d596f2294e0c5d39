"""A forged session cookie is not a session, whatever it contains."""

import pytest
from django.test import Client

PATHS = ("/admin/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/", "/api/", "/api/products/")
FORGED = (r'"\000abcdefgh"', r'"abcdefgh\000"', r'"\355\240\200abcdefgh"', "a" * 33, "A" * 32)


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", FORGED)
def test_a_forged_session_cookie_is_answered_like_none(path: str, value: str) -> None:
    client = Client(raise_request_exception=False)
    expected = client.get(path).status_code
    assert expected < 500
    assert client.get(path, HTTP_COOKIE=f"sessionid={value}").status_code == expected
