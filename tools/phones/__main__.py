"""python -m tools.phones: see --help. Exit status 1 if anything was wrong."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tools.attack.target import CHECKOUT, STAFF, Code, Target, started
from tools.errors import LauncherError
from tools.phones import __doc__ as about
from tools.terminal import complain, say

SESSIONS, FULL, PHONES, SHOWN = 320, 1_000, 40, 10
MOST_SECONDS = 3600
STOCKS = (*[3] * 6, *[5_000] * 6)
"""Of the products that phones order: half of them sell out."""
ALWAYS = ("phantom cart", "phantom order", "doubled order", "order not in the books")
"""The faults that the last line names also if there are none."""
ORDERS = 'SELECT id::text, customer_id, total::text, reference FROM "order"'
ORDERS += " WHERE placed_at IS NOT NULL"
CARTS = 'SELECT count(DISTINCT order_id) FROM order_line JOIN "order" ON "order".id = order_id'
CARTS += ' WHERE "order".placed_at IS NULL'
SOLD = 'SELECT product_id, sum(quantity) FROM order_line JOIN "order" ON "order".id = order_id'
SOLD += ' WHERE "order".placed_at IS NOT NULL GROUP BY product_id'


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.phones", description=about)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="starts of apps")
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} sessions")
    parser.add_argument("--phones", type=int, default=PHONES)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    given = parser.parse_args()
    sessions = FULL if given.full else given.sessions
    try:
        return 0 if check(sessions, given.phones, given.seed) else 1
    except LauncherError as error:
        complain(str(error))
        return 1


def check(sessions: int, phones: int, seed: int) -> bool:
    """Run the phones, and compare; True if all is well."""
    if not shutil.which("node"):
        raise LauncherError("node.js is needed to run the SDK, and is not installed.")
    say(f"seed {seed}")
    with started(Code()) as shop:
        stock = Counter({shop.product(stock=units): units for units in STOCKS})
        began = time.monotonic()
        said = _run(shop, [sessions, phones, seed, ",".join(map(str, stock))])
        took = time.monotonic() - began
        faults = [*order_faults(said["phones"], shop.sql(ORDERS))]
        faults += [("phantom cart", "with lines")] * shop.sql(CARTS)[0][0]
        stock.update({int(id): units for id, units in said["received"].items()})
        faults += stock_faults(stock, shop)
        status, printed = shop.manage("check_invariants")
        faults += [("invariant", printed[-500:])] * bool(status)
    for name, text in faults[:SHOWN]:
        say(f"{name}: {text}")
    say(_summary(said, phones, took, Counter(name for name, _ in faults)))
    return not faults


def _run(shop: Target, arguments: list[Any]) -> Any:
    """Run the phones in node.js; return what they show at the end."""
    given = {"LARDER_URL": f"http://127.0.0.1:{shop.port}"}
    given["LARDER_STAFF"] = f"{STAFF['username']}:{STAFF['password']}"
    done = subprocess.run(
        ["node", "tests/phones.js", *map(str, arguments)],
        cwd=CHECKOUT / "clients" / "typescript",
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LauncherError(f"The phones failed.\n{done.stderr[-3000:]}")
    return json.loads(done.stdout)


def order_faults(phones: list[Any], rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
    """Yield the kind and the sentence of each difference between the apps and the books."""
    books = {id: (customer, total) for id, customer, total, _ in rows}
    shown = set()
    for phone in phones:
        account = phone["account"]
        yield from (("contradiction", one) for one in phone["contradictions"])
        for order in phone["orders"]:
            id, state = order["id"], order["state"]
            shown |= {id} if state == "placed" else set()
            if state in {"waiting", "giving_up"}:
                yield "undecided order", id
            if state == "placed" and not _is_same(books.get(id), account, order["total"]):
                yield "order not in the books", f"{id}: shown {order}, books {books.get(id)}"
            if state != "placed" and id in books:
                yield "phantom order", f"{id} is shown as {state}"
        own = {id for id, (customer, _) in books.items() if customer == account}
        if own != {one["id"] for one in phone["history"]}:
            yield "history", f"account {account}: the copy has other orders than the books"
    yield from (("phantom order", f"{id} is not shown") for id in books.keys() - shown)
    drafts = Counter(reference for *_, reference in rows)
    yield from (("doubled order", one) for one, times in drafts.items() if times > 1)


def _is_same(book: tuple[int, str] | None, account: int, total: str) -> bool:
    return book is not None and book[0] == account and float(book[1]) == float(total)


def stock_faults(stock: Mapping[int, int], shop: Target) -> Iterator[tuple[str, str]]:
    """Yield each product whose stock is not what the orders left."""
    sold = dict(shop.sql(SOLD))
    for product, units in stock.items():
        ((available,),) = shop.sql("SELECT available FROM stock WHERE product_id = %s", [product])
        if available != units - sold.get(product, 0):
            yield "units lost", f"product {product}: {units}, sold {sold.get(product)}, {available}"


def _summary(said: Any, phones: int, took: float, faults: Counter[str]) -> str:
    states = Counter(one["state"] for phone in said["phones"] for one in phone["orders"])
    counts = said["counts"]
    found = {name: faults.pop(name, 0) for name in ALWAYS} | dict(faults)
    return (
        f"{counts['sessions']:,} sessions of {phones} phones in {took:.0f} s, "
        f"{counts['kills']:,} killed, {counts['faults']:,} faults of the network; "
        f"orders: {states['placed']:,} placed, {states['refused']:,} refused, "
        f"{states['abandoned']:,} given up; "
        + ", ".join(f"{name} {number}" for name, number in found.items())
    )


if __name__ == "__main__":
    sys.exit(main())
