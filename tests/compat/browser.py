"""A browser at the live server: it keeps cookies, and logs in to the admin by its form."""

import json
import re
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.server import Reply, Server


class Browser:
    """Requests with the cookies that earlier answers set; it follows no redirect by itself."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.cookies: dict[str, str] = {}

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: dict[str, str] | None = None,
        **headers: str,
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        data = None if body is None else json.dumps(body).encode()
        if form is not None:
            data = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        sent.setdefault("Content-Type", "application/json")
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        try:
            connection.request(method, path, data, sent)
            return self._read(connection)
        finally:
            connection.close()

    def _read(self, connection: HTTPConnection) -> Reply:
        response = connection.getresponse()
        for header in response.msg.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        raw = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        is_json = "json" in headers.get("content-type", "")
        return Reply(response.status, json.loads(raw) if raw and is_json else raw, headers)

    def try_to_log_in(self, username: str, password: str) -> Reply:
        """Fills in the form of the admin's log-in and sends it."""
        page = self("GET", "/admin/login/?next=/admin/")
        field = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert field, page.body
        said = {"username": username, "password": password, "next": "/admin/"}
        said["csrfmiddlewaretoken"] = field[1].decode()
        return self("POST", "/admin/login/?next=/admin/", form=said)

    def log_in(self, username: str, password: str) -> None:
        """Logs in; a refused log-in fails the test."""
        reply = self.try_to_log_in(username, password)
        assert (reply.status, reply.headers.get("location")) == (302, "/admin/"), reply
        assert "sessionid" in self.cookies
