"""The pages of the admin, found by following its links from the first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import urlencode, urljoin, urlsplit

from tools.behaviour.call import Answer, Call, send
from tools.behaviour.player import Player

START, LOG_IN = "/admin/", "/admin/login/"
PAGES = 120
EACH = 2
"""Of pages whose paths differ in their ids alone, so many are requested."""
_LINK = re.compile(r'href="([^"#]+)"')
_COOKIE = re.compile(r"(csrftoken|sessionid|__Host-\w+|__Secure-\w+)=([^;]+)")
_METHODS = ("HEAD", "PUT", "DELETE")


def play(player: Player) -> Iterator[str]:
    """Yield pages without a log-in, the log-in itself, and pages of a member of staff."""
    for path in (START, LOG_IN, "/admin/orders/order/", "/admin/no/such/page/"):
        yield player.shown(f"{path} without a log-in", Call("GET", path))
    cookies = _log_in(player)
    yield player.shown(
        "POST without a CSRF token", Call("POST", LOG_IN, {"Cookie": cookies}, "a=1")
    )
    yield from _crawl(player, {"Cookie": cookies})


def _log_in(player: Player) -> str:
    """Return the cookies of the demo's superuser."""
    first = send(player.port, Call("GET", LOG_IN))
    cookies = _cookies(first)
    form = {
        "username": player.variables["staff_username"],
        "password": player.variables["staff_password"],
        "csrfmiddlewaretoken": cookies["csrftoken"],
        "next": START,
    }
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": _joined(cookies),
        "Referer": f"http://127.0.0.1:{player.port}{LOG_IN}",
    }
    answer = send(player.port, Call("POST", LOG_IN, headers, urlencode(form)))
    return _joined(cookies | _cookies(answer))


def _cookies(answer: Answer) -> dict[str, str]:
    return dict(
        pair
        for name, value in answer.headers
        if name == "set-cookie"
        for pair in _COOKIE.findall(value)
    )


def _joined(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _crawl(player: Player, headers: dict[str, str]) -> Iterator[str]:
    waiting, seen, forms = deque([START]), {START}, dict[str, int]()
    while waiting and len(forms) < PAGES:
        path = waiting.popleft()
        form = re.sub(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}", "*", path)
        forms[form] = forms.get(form, 0) + 1
        if forms[form] > EACH or "logout" in path:
            continue
        call = Call("GET", path, headers)
        answer = send(player.port, call)
        yield player.written(f"GET {path}", call, answer)
        if forms[form] == 1:
            for method in _METHODS:
                yield player.shown(f"{method} {path}", call.but(method=method))
        if "html" in answer.header("content-type"):
            for link in _links(path, answer):
                if link not in seen:
                    seen.add(link)
                    waiting.append(link)


def _links(path: str, answer: Answer) -> Iterator[str]:
    for found in _LINK.findall(answer.body.decode("utf-8", "replace")):
        link = urljoin(path, found.replace("&amp;", "&"))
        if not urlsplit(link).netloc and link.startswith(START):
            yield link
