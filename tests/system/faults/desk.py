"""A member of staff with a browser, at a server that runs."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.system.faults.shop import PASSWORD
from tools.http_client import Client, Reply

FORM = "application/x-www-form-urlencoded"


class _Fields(HTMLParser):
    """What a browser would send of the forms of a page, if nothing was changed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        is_off = attributes.get("type") in {"checkbox", "radio"} and "checked" not in attributes
        if tag == "input" and name and not is_off and attributes.get("type") != "submit":
            self.values[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in attributes and self._select:
            self.values[self._select] = value


@dataclass
class Desk:
    """`desk.save("catalog/product/add/", name="Tea")`; paths begin behind /admin/."""

    server: Client
    username: str
    password: str = PASSWORD
    _cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entered = self.save("login/", username=self.username, password=self.password)
        assert entered.status == 302, entered.body

    def get(self, path: str) -> Reply:
        return self._call("GET", path, None)

    def open(self, path: str) -> dict[str, str]:
        """Returns the fields of a page's forms."""
        shown = self.get(path)
        assert shown.status == 200, shown.body
        return _Fields(shown.body).values

    def save(self, path: str, **changes: str) -> Reply:
        """Opens a page, fills it in and sends it."""
        return self.send(path, self.open(path) | changes)

    def send(self, path: str, values: dict[str, Any]) -> Reply:
        return self._call("POST", path, urlencode(values, doseq=True).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> Reply:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        connection = self.server.connect(30)
        headers = {"Cookie": cookies, **({"Content-Type": FORM} if body else {})}
        connection.request(method, f"/admin/{path}", body, headers)
        response = connection.getresponse()
        page = response.read().decode()
        connection.close()
        for cookie in response.headers.get_all("Set-Cookie", []):
            self._cookies |= {morsel.key: morsel.value for morsel in SimpleCookie(cookie).values()}
        received = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, page, received)
