"""The options of a replay: flags, and behind each of them an environment variable."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEMO_STAFF = ("admin", "12345")
# A product's stock must stay below 2³¹.
LARGEST_PART = 1000


@dataclass(frozen=True)
class Options:
    """`orders` None means all there are; `retry` is a share from 0 to 1, and `scarce` a part of
    the demand, which may be more than 1."""

    base_url: str
    customers: int
    accounts: int
    orders: int | None
    scarce: float
    retry: float
    seed: int
    staff_user: str
    staff_password: str
    keep: bool
    data: Path


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line; what it leaves out comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m tools.replay", description=__doc__)
    port = environment.get("PORT") or "8000"

    def option(name: str, default: Any, kind: Any, says: str) -> None:
        variable = name.upper().replace("-", "_")
        given = environment.get(variable) or default
        parser.add_argument(
            f"--{name}", type=kind, default=given, help=f"{says} ({variable}; {default})"
        )

    option("base-url", f"http://127.0.0.1:{port}", str, "the running server")
    option("customers", 16, whole, "how many order at once")
    option("accounts", 64, whole, "most accounts to register; real customers share them")
    option("orders", None, whole, "how many of the real orders, from the first")
    option("scarce", 0.5, part, "the part of the real demand that is put into stock")
    option("retry", 0.1, share, "the part of the requests that is sent twice")
    option("seed", 1, int, "of the choice of what is sent twice, and how")
    option("staff-user", DEMO_STAFF[0], str, "who adds the products")
    option("staff-password", DEMO_STAFF[1], str, "their password")
    option("data", ".data", Path, "where `make run` keeps its database")
    parser.add_argument("--keep", action="store_true", help="leave the products on sale afterwards")
    return Options(**vars(parser.parse_args(arguments)))


def whole(text: str) -> int:
    """Read a whole number of at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def part(text: str) -> float:
    """Read a number that is not negative."""
    number = float(text)
    if not 0 <= number < LARGEST_PART:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {LARGEST_PART}")
    return number


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    if part(text) > 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return float(text)
