"""The command `larder`, which the wheel installs, and `python -m larder.local`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psycopg

from larder.local import archives, postgresql
from larder.local.processes import manage
from larder.local.supervisor import STOP_SECONDS, Supervisor, load
from larder.local.terminal import LauncherError, complain, say
from larder.ops import serve

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DESCRIPTION = """An ordering backend that never sells what it does not have.

  larder                   everything, with demo data and its own PostgreSQL, at port 8000
  larder check             check that nothing was oversold, lost or doubled
  larder backup [FILE]     write everything into one file, while the shop runs or not
  larder restore FILE      put such a file into an empty folder of data, and prove it
  larder serve             the web server alone, with the settings of the environment
  larder worker            the worker alone: mails, webhooks, checks
  larder manage COMMAND    a command of Django or of Larder: larder manage help

PORT, HOST, DATA, WORKERS, THREADS and DATABASE_URL in the environment count too, and
so does every other setting of Larder."""


def main() -> int:
    """Run the command that the arguments name. Failures are one line, with status 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    command, *arguments = sys.argv[1:] if sys.argv[1:2] else ["run"]
    try:
        match command, arguments:
            case "serve", []:
                serve.main()
            case "worker", []:
                manage("worker")
            case "manage", _:
                with_database(*arguments)
            case "check", []:
                with_database("check_invariants")
            case "backup" | "restore", _:
                archive(command, arguments)
            case _:
                return run(arguments if command == "run" else sys.argv[1:])
    except (LauncherError, serve.CannotServe) as error:
        complain(str(error))
        return 1
    return 0


def with_database(*arguments: str) -> None:
    """Run a command of Django's command line on the database of the data folder, where there is
    one and DATABASE_URL names no other."""
    data = folder() / "postgresql"
    with ExitStack() as stack:
        if postgresql.Cluster(data).exists:
            os.environ |= stack.enter_context(postgresql.database(data))
        manage(*arguments)


def archive(command: str, arguments: list[str]) -> None:
    """Back up a database and a data folder, or restore them. Raises LauncherError."""
    parser = argparse.ArgumentParser(prog=f"larder {command}")
    parser.add_argument("file", type=Path, nargs="?" if command == "backup" else None)
    parser.add_argument("--data", type=Path, default=folder(), help="the folder of the data")
    options = parser.parse_args(arguments)
    url = os.environ.get("OWNER_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
    cluster = postgresql.Cluster(options.data / "postgresql")
    listen_for_signals()
    try:
        if command == "restore":
            load()
            archives.restore(options.file, options.data, url)
            say("All rows restored. `larder` or `larder manage prepare` ends all log-ins and keys.")
        elif url or cluster.exists:
            with nullcontext() if url or cluster.lock.held else cluster:
                file = archives.back_up(url or cluster.owner_url(), options.data, options.file)
            say(f"Backup: {file}")
        else:
            raise LauncherError(f"There are no data in {options.data}: choose others with --data.")
    except (KeyboardInterrupt, OSError, psycopg.Error) as error:
        raise LauncherError(f"Nothing was changed: {str(error) or 'stopped'}.") from None


def run(arguments: list[str]) -> int:
    """Run everything until a signal; 0 after an orderly end."""
    parser = argparse.ArgumentParser(
        prog="larder",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on")
    parser.add_argument("--data", type=Path, help="the folder of the data")
    options = parser.parse_args(arguments)
    serving = serve.from_environment(os.environ)
    host, port = options.host or serving.host, options.port or serving.port
    serving = replace(serving, host=host, port=port, stop_seconds=STOP_SECONDS)
    listen_for_signals()
    serve.raise_file_limit()
    data = (options.data or folder()).absolute()
    with suppress(KeyboardInterrupt):
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
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
