"""Logs in to the admin, and reads the page of the second factor."""

import base64
import re
from typing import Any

from django.test import Client

from tests.conftest import Person

PAGE = "/admin/second-factor/"


def log_in(who: Person) -> tuple[Client, Any]:
    """A browser after the password, and where that led."""
    client = Client()
    given = {"username": who.customer.username, "password": who.password}
    return client, client.post("/admin/login/?next=/admin/orders/order/", given)


def opens(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def offered(client: Client) -> tuple[str, bytes]:
    """The sealed secret of the page, and the secret that it shows."""
    text = client.get(PAGE).content.decode()
    sealed = re.search(r'name="sealed" value="([^"]+)"', text)
    assert sealed is not None
    assert "data:image/svg+xml" in text
    found = re.search(r"break-all\">([A-Z2-7]{32})<", text)
    assert found is not None
    return sealed[1], base64.b32decode(found[1])
