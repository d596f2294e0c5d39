"""Makes the database refuse writes, as a former primary does."""

from __future__ import annotations

import time

import psycopg

from tools.attack.target import Person, Target, require

ITEM = 10
TITLE = "A database that accepts no writes"
PROMISE = "Writes are 503, `/readyz` is 503, and all is well within 10 s of its end."

RECOVERY_SECONDS = 10.0
STEADY = 50
"""Answers, each on a new connection, so that every process is met."""


def attack(target: Target, *, full: bool) -> str:
    """Return how long the recovery took; raises Broken."""
    customer, product = target.customer(), target.product(stock=1_000)
    longest = 0.0
    for _ in range(3 if full else 1):
        _alter(target, "SET default_transaction_read_only = on")
        try:
            _refused(target, customer, product)
        finally:
            _alter(target, "RESET default_transaction_read_only")
        longest = max(longest, _recovery(target, customer, product))
    return f"served again after {longest:.1f} s"


def _alter(target: Target, statement: str) -> None:
    with psycopg.connect(target.cluster.superuser_url(), autocommit=True) as superuser:
        superuser.execute(f"ALTER SYSTEM {statement}".encode())
        superuser.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)


def _order(target: Target, customer: Person, product: int) -> tuple[int, str]:
    body = {"lines": [{"product": product, "quantity": 1}]}
    reply = target.call("POST", "orders", body, token=customer.access)
    return reply.status, reply.code


def _refused(target: Target, customer: Person, product: int) -> None:
    for _ in range(5):
        answered = _order(target, customer, product)
        require(answered == (503, "database_unavailable"), f"an order was answered {answered}")
    ready = target.call("GET", "/readyz").status
    require(ready == 503, f"/readyz is {ready} while no write is accepted")
    alive = target.call("GET", "/livez").status
    require(alive == 200, f"/livez is {alive}, so the process would be replaced")


def _recovery(target: Target, customer: Person, product: int) -> float:
    """Return when the first of STEADY answers in a row came, over as many connections."""
    began = recovered = time.monotonic()
    row = 0
    while row < STEADY:
        # The next connection may go to another process.
        target.hang_up()
        row = row + 1 if _order(target, customer, product)[0] == 201 else 0
        if row == 0:
            recovered = time.monotonic()
            require(recovered - began < RECOVERY_SECONDS, "orders are refused for over 10 s")
            time.sleep(0.1)
    return recovered - began
