"""Customers who are logged in, over HTTP as an app would be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.traffic import PROXIED
from larder.local.terminal import LauncherError
from tools.http_client import Client

RENEWED_AFTER = 120.0
"""Seconds: an access token is good for five minutes, a measurement lasts a few seconds."""


class Sessions:
    """Access tokens that stay valid for the whole benchmark: of customers, and of a cashier."""

    def __init__(
        self, port: int, usernames: Sequence[str], password: str, cashier: str = ""
    ) -> None:
        self._client = Client(port)
        self._renewed_at = time.monotonic()
        self._customers = len(usernames)
        names = [*usernames, cashier] if cashier else usernames
        credentials = [{"username": name, "password": password} for name in names]
        self._pairs = self._post_all("auth/token", credentials)

    def tokens(self) -> list[str]:
        """An access token of each customer, valid for more than two minutes."""
        return self._valid()[: self._customers]

    def cashier(self) -> str:
        """The access token of the cashier, valid for more than two minutes."""
        return self._valid()[self._customers]

    def _valid(self) -> list[str]:
        if time.monotonic() - self._renewed_at > RENEWED_AFTER:
            self._renewed_at = time.monotonic()
            refresh = [{"refresh": pair["refresh"]} for pair in self._pairs]
            self._pairs = self._post_all("auth/token/refresh", refresh)
        return [pair["access"] for pair in self._pairs]

    def _post_all(self, path: str, bodies: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(lambda body: self._post(path, body), bodies))

    def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        reply = self._client.call("POST", path, body, headers=PROXIED)
        if reply.status != 200:
            raise LauncherError(f"POST {path} answered {reply.status}: {reply.body}")
        pair: dict[str, Any] = reply.body
        return pair
