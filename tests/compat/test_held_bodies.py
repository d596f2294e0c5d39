"""A body whose end arrives after the end of the caller's session has no effect."""

import json
import time
from collections.abc import Callable

import pytest

from larder.catalog.models import Product
from larder.http.raw_body import TRUSTED_SECONDS
from larder.identity.models import Customer
from tests.compat.browser import Browser
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server

JAM = json.dumps({"name": "Jam", "description": "", "price": "1.00", "quantity": 3}).encode()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("by", ["token", "cookie"])
@pytest.mark.parametrize("is_ended", [True, False])
def test_a_caller_is_looked_up_again_after_a_slow_body(
    by: str,
    method: str,
    transactional_db: None,
    running: Server,
    person: Callable[..., Person],
    product: Callable[..., int],
    *,
    is_ended: bool,
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)
    if by == "token":
        credentials = f"Authorization: Bearer {token_for(boss)}"
    else:
        browser = Browser(running)
        browser.log_in("boss", boss.password)
        browser("GET", "/api/")
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        credentials = f"Cookie: {cookies}\r\nX-CSRFToken: {browser.cookies['csrftoken']}"
    path = "/api/catalog/products/"
    if method == "PATCH":
        path += f"{product()}/"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(JAM)}\r\n{credentials}\r\n\r\n"
    )
    with running.socket() as client:
        client.sendall(head.encode() + JAM[:-5])
        time.sleep(TRUSTED_SECONDS / 2)
        if is_ended:
            Customer.objects.filter(pk=boss.id).update(is_active=False)
        time.sleep(TRUSTED_SECONDS)
        client.sendall(JAM[-5:])
        status = int(client.recv(100).split()[1])
    made = Product.objects.filter(name="Jam").count()
    assert (status, made) == ((401, 0) if is_ended else (201 if method == "POST" else 200, 1))
