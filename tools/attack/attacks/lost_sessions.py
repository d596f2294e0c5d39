"""Ends PostgreSQL's sessions behind a PgBouncer while they serve requests."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import psycopg

from tools.attack.target import Person, Target, require, wait
from tools.bouncer import bouncer

ITEM = 17
TITLE = "Sessions lost behind PgBouncer"
PROMISE = "A lost session is answered as a lost connection (503), never as an error of ours (500)."
NEEDS = ("pgbouncer",)

END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = 'larder_app' AND pid <> pg_backend_pid()
"""
HEARD = {"200", "201", "204", "database_unavailable", "outcome_unknown", "overloaded"}


def attack(target: Target, *, full: bool) -> str:
    """Return how many requests were served and lost; raises Broken."""
    settings = {"PGBOUNCER": "1"}
    with (
        bouncer(target.cluster.app_url()) as url,
        target.server(settings | {"DATABASE_URL": url}, workers=1) as server,
    ):
        heard = _heard(server, 2_000 if full else 400)
    require(heard.keys() <= HEARD, f"answers under ended sessions: {dict(heard)}")
    lost = sum(heard[code] for code in HEARD if not code.isdigit())
    return f"{sum(heard.values())} requests, {lost} of them answered 503"


def _heard(server: Target, requests: int) -> Counter[str]:
    customer, product = server.customer(), server.product(stock=100_000)
    asked = list(islice(cycle(_requests(product)), requests))
    with ThreadPoolExecutor(8) as clients:
        answers = [clients.submit(_ask, server, customer, *one) for one in asked]
        while not all(one.done() for one in answers):
            _end_sessions(server)
            wait(0.02)
    return Counter(one.result() for one in answers)


def _end_sessions(server: Target) -> None:
    with psycopg.connect(server.cluster.superuser_url(), autocommit=True) as superuser:
        superuser.execute(END_ALL.encode())


def _requests(product: int) -> list[tuple[str, str, object]]:
    line = {"product": product, "quantity": 1}
    return [
        ("GET", "me", None),
        ("PUT", f"cart/lines/{product}", {"quantity": 2}),
        ("GET", f"products/{product}", None),
        ("POST", "orders", {"lines": [line]}),
        ("GET", "orders", None),
    ]


def _ask(server: Target, customer: Person, method: str, path: str, body: object) -> str:
    try:
        return server.call(method, path, body, token=customer.access).code
    finally:
        server.hang_up()
