"""python -m tools.attack: see --help."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tools.attack import checkouts, report
from tools.attack.catalogue import ATTACKS, Attack, name, needs
from tools.attack.report import Result, Verdict
from tools.attack.target import Broken, Code, NotTried, Target, started
from tools.errors import LauncherError
from tools.terminal import complain, say

LONGEST_SECONDS = {False: 400, True: 900}
"""An attack that takes longer, in the default and in the full run, counts as one that succeeded."""


def main() -> int:
    """Attack; 0 when every promise held."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit("Broken off."))
    asked = options(sys.argv[1:])
    try:
        return run(asked)
    except LauncherError as error:
        complain(str(error))
        return 1


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="make attack ATTACK_ARGS=…", description="Attacks a server that it starts itself."
    )
    names = [name(one) for one in ATTACKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--full", action="store_true", help="everything, on all Python versions")
    parser.add_argument("--list", action="store_true", help="name the attacks, and do nothing")
    parser.add_argument(
        "--previous", metavar="REVISION", help="attack that revision first, and show its results"
    )
    parser.add_argument("--checkout", type=Path, help="attack the code in that folder instead")
    parser.add_argument("--record", action="store_true", help="write docs/explain/security.md")
    parser.add_argument("--data", type=Path, default=Path(".data"), help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def run(asked: argparse.Namespace) -> int:
    """Attack the previous revision, if one is named, then the present code; say what held."""
    if asked.list:
        for one in ATTACKS:
            say(f"{name(one):<22}{one.TITLE}")
        return 0
    if asked.record:
        report.require_clean()
    wanted = [one for one in ATTACKS if name(one) in asked.only]
    before: list[Result] = []
    if asked.previous:
        with checkouts.revision(asked.previous) as checkout:
            say(f"Attacking {asked.previous}")
            before = attack_all(wanted, Code(checkout), full=asked.full)
    present = Code() if asked.checkout is None else Code(asked.checkout.absolute())
    versions = checkouts.pythons(present, asked.data) if asked.full else {"": present}
    results = attack_versions(wanted, versions, full=asked.full)
    if asked.record:
        report.record(results, before, previous=asked.previous)
    say(report.summary(results))
    return 0 if all(one.verdict is not Verdict.BROKEN for one in results) else 1


def attack_versions(
    wanted: Sequence[Attack], versions: Mapping[str, Code | None], *, full: bool
) -> list[Result]:
    """Run the attacks with each Python; skip them with those that this machine does not have."""
    results = []
    for version, code in versions.items():
        if code is None:
            say(f"Not attacked on Python {version}: it is not on this machine.")
            results += not_attacked(wanted, version)
            continue
        say(f"Attacking {code.checkout} on {checkouts.version(code.python)}")
        results += attack_all(wanted, code, full=full)
    return results


def attack_all(wanted: Sequence[Attack], code: Code, *, full: bool) -> list[Result]:
    """Run the attacks one after the other on one target; afterwards all invariants must hold."""
    results = []
    python = checkouts.version(code.python)
    with started(code) as target:
        for one in wanted:
            results.append(strike(one, target, python, full=full))
            report.say_result(results[-1])
        results.append(audit(target, python))
        report.say_result(results[-1])
    return results


def not_attacked(wanted: Sequence[Attack], version: str) -> list[Result]:
    """Return the attacks as skipped, on a Python that this machine does not have."""
    seen = f"Python {version} is not on this machine"
    return [Result(one, f"Python {version}", Verdict.SKIPPED, seen, 0.0) for one in wanted]


def missing_programs(names: Sequence[str]) -> list[str]:
    """Return those that are not installed. Servers are looked for where Debian puts them, which is
    not on every user's PATH."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    return [program for program in names if shutil.which(program, path=path) is None]


def strike(one: Attack, target: Target, python: str, *, full: bool) -> Result:
    """Run one attack, and leave the target whole."""
    began = time.monotonic()
    if missing := missing_programs(needs(one)):
        return Result(one, python, Verdict.SKIPPED, f"needs {', '.join(missing)}", 0.0)
    try:
        with limited(LONGEST_SECONDS[full]), target.watched():
            verdict, seen = Verdict.HELD, one.attack(target, full=full)
    except NotTried as reason:
        verdict, seen = Verdict.SKIPPED, str(reason)
    except Broken as error:
        verdict, seen = Verdict.BROKEN, str(error)
    except Exception as error:
        # What an attack cannot cope with (a connection reset, a time-out) was not promised either.
        verdict, seen = Verdict.BROKEN, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    target.heal()
    return Result(one, python, verdict, seen, seconds)


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise Broken in the main thread after that many seconds."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise Broken(f"not over after {seconds} s")

    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


class Audit:
    """What is looked at when all attacks are over."""

    ITEM = 0
    TITLE = "The books after all attacks"
    PROMISE = "All invariants hold: nothing oversold, nothing lost, nothing doubled."

    def attack(self, target: Target, *, full: bool) -> str:
        """Check the invariants; raises Broken."""
        status, printed = target.manage("check_invariants")
        if status != 0:
            raise Broken(printed.strip()[-500:])
        ((orders,),) = target.sql("SELECT count(*) FROM orders.order WHERE placed_at IS NOT NULL")
        return f"{orders:,} orders, all invariants hold"


def audit(target: Target, python: str) -> Result:
    """Check the invariants of what the attacks have left."""
    return strike(Audit(), target, python, full=False)


if __name__ == "__main__":
    sys.exit(main())
