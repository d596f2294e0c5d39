"""The command `larder`, which the wheel installs, and `python -m larder.local`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from larder.local.terminal import LauncherError
from larder.ops import serve

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DESCRIPTION = """An ordering backend that never sells what it does not have.

  larder                   everything, with demo data and its own PostgreSQL, at port 8000
  larder serve             the web server alone, with the settings of the environment
  larder worker            the worker of jobs alone
  larder manage COMMAND    a command of Django or of Larder: larder manage help
"""
EPILOGUE = """PORT, HOST, DATA, WORKERS, THREADS and DATABASE_URL in the environment count too, and
so does every other setting of Larder."""


class EndRequestedError(BaseException):
    """INT, TERM or HUP came."""


def main() -> int:
    """Run the command that the arguments name. Failures are one line, with status 1."""
    command, *arguments = sys.argv[1:] if sys.argv[1:2] else ["run"]
    try:
        if command == "serve":
            sys.argv = ["larder serve", *arguments]
            serve.main()
        elif command == "worker":
            manage("procrastinate", "worker", *arguments)
        elif command == "manage":
            return with_database(*arguments)
        else:
            return run(arguments if command == "run" else sys.argv[1:])
    except (LauncherError, serve.CannotServe) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def manage(*arguments: str) -> None:
    """Run a command of Django's command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["larder manage", *arguments])


def with_database(*arguments: str) -> int:
    """Run a command of Django's command line on the database of the data folder, where there is
    one and DATABASE_URL names no other."""
    from larder.local.postgresql import Cluster, database

    data = folder() / "postgresql"
    if not Cluster(data).exists:
        manage(*arguments)
        return 0
    with database(data) as environment:
        os.environ |= environment
        manage(*arguments)
    return 0


def run(arguments: list[str]) -> int:
    """Run everything until a signal; 0 after an orderly end."""
    from larder.local.supervisor import Supervisor

    parser = argparse.ArgumentParser(
        prog="larder",
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on")
    parser.add_argument("--data", type=Path, help="the folder of the data")
    options = parser.parse_args(arguments)
    serving = serve.from_environment(os.environ)
    serving = replace(serving, host=options.host or serving.host, port=options.port or serving.port)
    listen_for_signals()
    serve.raise_file_limit()
    data = (options.data or folder()).absolute()
    with suppress(EndRequestedError):
        Supervisor(serving, data, os.environ.get("DATABASE_URL", "")).run()
    return 0


def folder() -> Path:
    """Return the folder of the data: DATA, or Larder's among the user's data."""
    users = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get("DATA") or Path(users) / "larder").absolute()


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


if __name__ == "__main__":
    sys.exit(main())
