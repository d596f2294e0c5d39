"""Runs one command and sees to its end. A stand-alone script, started with `python -I -S`.

    keeper.py [--stop SIGNAL:SECONDS]... [--namespace | --drop UID:GID] [--reach PATH]...
              -- COMMAND...

Standard input is the life line. When it reaches end-of-file, because the process that holds the
other end closed it or died in whatever way, the command gets each --stop signal in turn with its
seconds of grace, then SIGKILL. When the keeper itself is killed, the kernel sends the command the
first of these signals (Linux). What the command leaves behind in its process group is killed as
soon as the command ends.

A pipe rather than a parent-death signal towards the launcher: the signal is tied to the thread
that forked, a pipe is not, and it works on macOS too. The keeper has one thread, so towards
the command the signal is safe.

Exit status: that of the command, 128 + n when signal n ended it, 126 when a --reach path
cannot be entered under the command's identity, 127 when the command cannot be run.
"""

from __future__ import annotations

import argparse
import os
import pwd
import select
import signal
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWUSER = 0x10000000
REAP_SECONDS = 2.0
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def main() -> int:
    """Run the command to its end and return the exit status described above."""
    options = parse(sys.argv[1:])
    life_line = os.dup(0)
    wake = wake_on_signals()
    if sys.platform == "linux":
        system_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        become_command(options, keeper)
    return attend(child, life_line, wake, list(options.stop))


def attend(child: int, life_line: int, wake: int, steps: list[tuple[int, float]]) -> int:
    """Wait for the command's end or for the order to stop it, then return its exit status."""
    deadline: float | None = None
    watched = [life_line, wake]
    while True:
        status = finished(child)
        if status is not None:
            end_group(child)
            return status
        ready, _, _ = select.select(watched, [], [], remaining(deadline))
        stopping = not STOP_SIGNALS.isdisjoint(received(wake)) or life_line in ready
        ordered = stopping and deadline is None
        if ordered or (deadline is not None and time.monotonic() >= deadline):
            watched = [wake]
            deadline = next_step(child, steps)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; everything after `--` is the command."""
    parser = argparse.ArgumentParser(prog="keeper")
    parser.add_argument("--stop", action="append", type=stop_step, default=[])
    parser.add_argument("--namespace", action="store_true")
    parser.add_argument("--drop", type=uid_and_gid)
    parser.add_argument("--reach", action="append", default=[])
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    options.stop = options.stop or [(signal.SIGTERM, 5.0)]
    return options


def stop_step(text: str) -> tuple[int, float]:
    """Read `TERM:5` as (SIGTERM, 5 seconds)."""
    name, _, seconds = text.partition(":")
    return signal.Signals[f"SIG{name}"], float(seconds)


def uid_and_gid(text: str) -> tuple[int, int]:
    """Read `65534:65534`."""
    uid, _, gid = text.partition(":")
    return int(uid), int(gid)


def wake_on_signals() -> int:
    """Turn TERM, INT and the end of a child into bytes on the returned descriptor."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return reading


def received(wake: int) -> bytes:
    """Empty the wake-up pipe and return the numbers of the signals that came."""
    try:
        return os.read(wake, 512)
    except BlockingIOError:
        return b""


def remaining(deadline: float | None) -> float | None:
    """Return the seconds until the deadline, never negative; None waits for ever."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def next_step(child: int, steps: list[tuple[int, float]]) -> float:
    """Send the next stop signal and return the monotonic time at which its grace ends."""
    if not steps:
        os.killpg(child, signal.SIGKILL)
        return time.monotonic() + REAP_SECONDS
    number, seconds = steps.pop(0)
    os.kill(child, number)
    return time.monotonic() + seconds


def finished(child: int) -> int | None:
    """Reap what has ended; return the command's exit status once it is among it."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_group(group: int) -> None:
    """Kill what is left of the command's process group and wait until the kernel has let go."""
    try:
        os.killpg(group, signal.SIGKILL)
        deadline = time.monotonic() + REAP_SECONDS
        while time.monotonic() < deadline:
            if os.waitpid(-group, os.WNOHANG) == (0, 0):
                time.sleep(0.005)
    except (ProcessLookupError, PermissionError, ChildProcessError):
        return


def become_command(options: argparse.Namespace, keeper: int) -> NoReturn:
    """In the child: take on the identity, tie it to the keeper and turn into the command."""
    try:
        os.setsid()
        take_identity(options)
        die_with(keeper, options.stop[0][0])
        restore_defaults()
        for path in options.reach:
            os.stat(f"{path}/.")  # noqa: PTH116
    except OSError as error:
        refuse(f"keeper: {error}", 126)
    try:
        os.execv(options.command[0], options.command)  # noqa: S606
    except OSError as error:
        refuse(f"keeper: {options.command[0]}: {error.strerror}", 127)


def refuse(line: str, status: int) -> NoReturn:
    """End the child with a line on standard error."""
    os.write(2, f"{line}\n".encode())
    os._exit(status)


def take_identity(options: argparse.Namespace) -> None:
    """Enter a user namespace, or give root up for good, or stay who we are."""
    if options.namespace:
        enter_namespace()
    if options.drop:
        uid, gid = options.drop
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.chdir("/")


def enter_namespace() -> None:
    """Become an ordinary user inside a user namespace; outside, files stay our own."""
    uid, gid, inner = os.geteuid(), os.getegid(), inner_user()
    system_call("unshare", CLONE_NEWUSER)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{inner} {uid} 1")
    write("/proc/self/gid_map", f"{inner} {gid} 1")


def inner_user() -> int:
    """Return who to be inside: a client with a name, for initdb looks it up, and not root."""
    known = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0}
    return known.get("nobody") or next(iter(known.values()), 65534)


def write(path: str, text: str) -> None:
    """Write a file of /proc in the single write the kernel asks for."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def die_with(keeper: int, number: int) -> None:
    """Have the kernel send `number` when the keeper dies; a change of identity would clear it."""
    if sys.platform != "linux":
        return
    system_call("prctl", PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != keeper:
        os._exit(128 + signal.SIGKILL)


def restore_defaults() -> None:
    """Undo what Python changes for itself, and what a background shell had ignored."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)


def system_call(name: str, *arguments: int) -> None:
    """Call a function of the C library; OSError when it returns something else than zero."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*map(ctypes.c_ulong, arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main())
