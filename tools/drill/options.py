"""The options of a drill."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.drill.faults import FAULTS
from tools.replay.options import whole


@dataclass(frozen=True)
class Options:
    """`within`: seconds after which everything has to be back. `only`: names of faults, or all."""

    rounds: int
    seed: int
    customers: int
    within: float
    only: Sequence[str]
    results: Path


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.drill", description=__doc__)
    parser.add_argument("--rounds", type=whole, default=20, help="how many faults (20)")
    parser.add_argument("--seed", type=int, help="of all choices; printed (default: a new one)")
    parser.add_argument("--customers", type=whole, default=8, help="who order at once (8)")
    parser.add_argument(
        "--within", type=float, default=10.0, help="seconds to be back in, without hands (10)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(FAULTS), default=list(FAULTS), help="these faults only"
    )
    parser.add_argument(
        "--results", type=Path, default=Path(".data/drill"), help="where results go (.data/drill)"
    )
    given = parser.parse_args(arguments)
    if given.seed is None:
        given.seed = secrets.randbelow(1_000_000)
    return Options(**vars(given))
