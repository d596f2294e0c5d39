"""python -m tools.run: start Larder here; PORT, HOST, DATA, WORKERS, THREADS, DATABASE_URL."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from larder.ops.serve import raise_file_limit
from tools.run.settings import from_environment
from tools.run.supervisor import CHECKOUT, Supervisor
from tools.terminal import LauncherError, complain

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndRequestedError(BaseException):
    """INT, TERM or HUP came."""


def main() -> int:
    """Run until a signal; 0 after an orderly end, 1 with one line when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m tools.run", description=__doc__)
    parser.add_argument("--end-with-parent", action="store_true", help="end when make has ended")
    under_make = parser.parse_args().end_with_parent
    listen_for_signals()
    raise_file_limit()
    try:
        settings = from_environment(os.environ)
        os.chdir(CHECKOUT)
        Supervisor(settings, orphaned=orphan_check(end_with_parent=under_make)).run()
    except LauncherError as error:
        complain(str(error))
        return 1
    except EndRequestedError:
        return 0
    return 0


def listen_for_signals() -> None:
    """Take INT even where a background shell has it ignored, HUP only without nohup."""
    for number in END_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, request_end)


def request_end(*_: Any) -> NoReturn:
    """Break off whatever goes on, once; the signals after the first change nothing."""
    for number in END_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise EndRequestedError


def orphan_check(*, end_with_parent: bool) -> Callable[[], bool]:
    """Return a question: is the parent gone? Make, killed outright, ends no child."""
    parent = os.getppid()
    return lambda: end_with_parent and os.getppid() != parent


if __name__ == "__main__":
    sys.exit(main())
