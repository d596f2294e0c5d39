"""The admin refuses too long requests before it parses them."""

from collections.abc import Callable

import pytest

from larder.core.limits import MAX_OPEN_BODY_BYTES
from larder.http.middleware import MAX_FORM_BYTES
from larder.identity.models import Customer
from tests.compat.browser import Browser
from tests.conftest import Person
from tests.server import Server

PLACES = ("", "login/", "logout/", "catalog/product/add/", "catalog/product/import/", "jsi18n/")
FORM, FILE = "application/x-www-form-urlencoded", "multipart/form-data; boundary=B"
TOKEN = "csrftoken=" + "a" * 32


@pytest.mark.system
def test_only_staff_send_long_forms_to_the_admin(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)
    with Server(workers=1, environment={"DEMO": "1"}) as running:

        def status(place: str, length: int, kind: str = FORM, cookie: str = TOKEN) -> int:
            headers = {"Cookie": cookie, "Content-Type": kind}
            return running.call("POST", f"/admin/{place}", b"a" * length, headers=headers).status

        for place in PLACES:
            for kind in (FORM, FILE):
                assert status(place, MAX_OPEN_BODY_BYTES + 1, kind) in {302, 413}, place
        assert status("", MAX_OPEN_BODY_BYTES + 1, cookie=f"{TOKEN}; sessionid={'a' * 32}") == 302

        browser = Browser(running)
        browser.log_in("boss", boss.password)
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        assert status("catalog/product/add/", MAX_FORM_BYTES + 1, cookie=cookies) == 413
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        long = {"description": "a" * (MAX_FORM_BYTES - 1000)}
        assert browser("POST", "/admin/catalog/product/add/", form=token | long).status == 200
        Customer.objects.filter(pk=boss.id).update(is_staff=False)
        assert status("catalog/product/add/", MAX_OPEN_BODY_BYTES + 1, cookie=cookies) == 302
