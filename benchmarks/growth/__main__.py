"""python -m benchmarks.growth [--orders N ...] [--products N ...] [--rounds N] [--requests N]"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.command import kept_as, measuring
from benchmarks.growth import books, plot, report
from benchmarks.growth.course import Found, measure
from benchmarks.growth.questions import QUESTIONS, Question, Visitor
from benchmarks.growth.report import Report
from benchmarks.growth.shops import MEASURING, Extent, fill_shops, open_shops, warm
from benchmarks.growth.writing import look, write
from benchmarks.history.__main__ import progress
from benchmarks.history.course import Pace
from benchmarks.installation import durability, running_cluster
from benchmarks.machine import describe
from benchmarks.servers import Size
from tools.local_postgres import Cluster
from tools.terminal import say

ORDERS = (10_000, 1_000_000, 5_000_000)
PRODUCTS = (1_000, 100_000, 1_000_000)
FEWEST = 1_000
SERVER = Size(workers=2, threads=32)
"""The server that places many orders at once; questions go to a server of one worker."""
OF_PRODUCTS = ("product", "stock", "product_change", "ledger_entry")


def main() -> int:
    """0 when every bar holds, 1 when one is missed, 2 when nothing could be measured."""
    options = parse()
    shops = chosen(options.orders, options.products)
    with measuring("growth", options.data) as temporary:
        folder = options.data if options.keep else temporary
        fill_shops(folder, shops, progress)
        if options.only_fill:
            return 0
        found = measured(folder, shops, options)
    name = keep(found)
    say("\n\n".join([*report.asking(found.found), *report.writing(found.written)]))
    say("\n".join(["", *report.closing(found), f"Kept as {name}.*"]))
    return 1 if found.missed else 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=ORDERS, help="numbers of orders")
    parser.add_argument("--products", type=int, nargs="+", default=PRODUCTS, help="of products")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all questions")
    parser.add_argument("--requests", type=int, default=400, help="each time, each shop")
    parser.add_argument("--only", nargs="+", default=[""], help="questions, by a part of the name")
    parser.add_argument(
        "--seconds", type=float, default=30, help="of placing many at once; 0: none"
    )
    parser.add_argument("--data", type=Path, help="where the databases go")
    parser.add_argument("--keep", action="store_true", help="leave them in --data for another run")
    parser.add_argument("--only-fill", action="store_true", help="measure nothing yet")
    options = parser.parse_args()
    if options.keep and not options.data:
        parser.error("--keep needs --data")
    if min(*options.orders, *options.products) < FEWEST:
        parser.error(f"pages are full from {FEWEST:,} orders and products on")
    return options


def chosen(orders: Sequence[int], products: Sequence[int]) -> list[Extent]:
    """More and more orders, more and more products, and the most of both."""
    fewest = Extent(min(orders), min(products))
    most = Extent(max(orders), max(products))
    along = {Extent(number, fewest.products) for number in orders}
    along |= {Extent(fewest.orders, number) for number in products}
    return sorted(along | {fewest, most})


def measured(folder: Path, shops: Sequence[Extent], options: argparse.Namespace) -> Report:
    """Asks, places, and looks whether the books balance. Raises LauncherError."""
    pace = Pace(options.rounds, options.requests)
    with running_cluster(folder, MEASURING) as cluster:
        for one in shops:
            warm(cluster, one)
        product_bytes = bytes_a_product(cluster, shops)
        asked = ask(cluster, folder, shops, wanted(options.only), pace)
        written = [
            write(cluster, folder, one, SERVER, options.seconds)
            for one in dict.fromkeys((shops[0], shops[-1]))
            if options.seconds
        ]
        setup = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "rounds": pace.rounds,
            "requests": f"{pace.requests} of each question and shop in each",
            **durability(cluster),
            **MEASURING,
        }
        return Report(describe(folder), setup, asked.found, written, product_bytes, asked.faults)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was found, and what is wrong with the books afterwards."""

    found: Sequence[Found]
    faults: Sequence[str]


def wanted(parts: Sequence[str]) -> list[Question]:
    """The questions whose names have one of these in them."""
    return [one for one in QUESTIONS if any(part in one.name for part in parts)]


def ask(
    cluster: Cluster,
    folder: Path,
    extents: Sequence[Extent],
    questions: Sequence[Question],
    pace: Pace,
) -> Asked:
    """Questions, in all shops at once."""
    if not questions:
        return Asked([], [])
    with open_shops(cluster, folder, extents) as shops:
        visitors = [Visitor(shop) for shop in shops]
        before = [books.look(shop) for shop in shops]
        found = measure(visitors, questions, pace, lambda name: say(f"asked: {name}"))
        wrong = [
            f"{one.shop.extent}: {fault}"
            for one, earlier in zip(visitors, before, strict=True)
            for fault in books.faults((one.orders, one.units), earlier, books.look(one.shop))
        ]
    return Asked(found, wrong)


def bytes_a_product(cluster: Cluster, shops: Sequence[Extent]) -> float:
    """By how much a shop of the most products is larger than one of the fewest, a product."""
    few = min(shops)
    many = max(one for one in shops if one.orders == few.orders)
    if many == few:
        return 0.0
    sizes = [look(cluster, one).sizes for one in (few, many)]
    totals = [sum(size[name].total for name in OF_PRODUCTS) for size in sizes]
    return (totals[1] - totals[0]) / (many.products - few.products)


def keep(found: Report) -> Path:
    """Writes the tables, the plot and the JSON; returns their path without the ending."""
    name = kept_as("growth-")
    if found.found:
        name.with_suffix(".svg").write_text(plot.svg(found.found))
    name.with_suffix(".md").write_text(report.markdown(found, f"{name.name}.svg"))
    name.with_suffix(".json").write_text(json.dumps(report.as_json(found), indent=1))
    return name.relative_to(Path.cwd())


if __name__ == "__main__":
    sys.exit(main())
