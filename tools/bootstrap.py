"""Makes the virtual environment and installs locked requirements; does nothing when all is there.

    VENV=.venv python -I tools/bootstrap.py requirements/run.txt

Run by tools/bootstrap.sh with the Python that the environment is made from, or with the
environment's own, so only the standard library is at hand. What is installed is remembered as
copies of the requirement files in VENV/installed. They are removed before pip starts and
written when it is done, so an interrupted installation is done again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
REMINDER_SECONDS = 10.0


def main() -> None:
    """Bring the environment up to date with the requirement files on the command line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(CHECKOUT)
    venv = Path(os.environ.get("VENV") or ".venv").absolute()
    wanted = [Path(name) for name in sys.argv[1:]]
    try:
        lock = take_lock(venv)
        if not is_sound(venv):
            build(venv, lock)
        for requirements in wanted:
            if not is_installed(venv, requirements):
                install(venv, requirements, lock)
    except OSError as error:
        sys.exit(f"{error.filename or venv}: {error.strerror}. Remove the cause.")


def say(line: str) -> None:
    """Print a line of progress, in green on a terminal that takes colours."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        line = f"\033[32m{line}\033[0m"
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def take_lock(venv: Path) -> int:
    """Return the lock's descriptor; it is held until we and the pip we started have ended."""
    descriptor = os.open(
        venv.with_name(f"{venv.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"Waiting for another make that works on {venv.name}")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_sound(venv: Path) -> bool:
    """Say whether the environment is complete, was made at this place and has our version."""
    if not (venv / "bin" / "python").exists() or (venv / "incomplete").exists():
        return False
    place = venv / "installed" / "place"
    if place.exists() and place.read_text() != str(venv):
        return False
    return (venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}").is_dir()


def build(venv: Path, lock: int) -> None:
    """Make the environment anew; `incomplete` is in it until it is whole."""
    python = os.path.realpath(sys.executable)
    say(f"Making {venv.name} with Python {sys.version.split()[0]}")
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir()
    (venv / "incomplete").touch()
    run([python, "-I", "-m", "venv", str(venv)], lock, "The virtual environment cannot be made.")
    (venv / "installed").mkdir()
    (venv / "installed" / "place").write_text(str(venv))
    (venv / "incomplete").unlink()


def is_installed(venv: Path, requirements: Path) -> bool:
    """Say whether an installed file contains every line of this one."""
    lines = set(requirements.read_text().splitlines())
    copies = (venv / "installed").glob("*.txt")
    return any(lines <= set(copy.read_text().splitlines()) for copy in copies)


def install(venv: Path, requirements: Path, lock: int) -> None:
    """Install a locked file with pip, and remember it."""
    text = requirements.read_text()
    packages = text.count("==")
    say(f"Installing {packages} packages of {requirements}")
    installed = venv / "installed"
    for copy in installed.glob("*.txt"):
        copy.unlink()
    run(
        [
            *(str(venv / "bin" / "python"), "-m", "pip", "install", "--require-hashes"),
            # Compiling what is never imported takes longer than the rest.
            *("--no-compile", "--disable-pip-version-check", "--no-input", "-qq"),
            *("-r", str(requirements)),
        ],
        lock,
        f"pip could not install {requirements}; its message is above. Is the package index "
        "within reach? The same command tries again.",
    )
    installed.mkdir(exist_ok=True)
    (installed / "place").write_text(str(venv))
    (installed / requirements.name).write_text(text)


def run(command: Sequence[str], lock: int, failure: str) -> None:
    """Run a step that must succeed; it keeps the lock even if we are killed. Says every ten
    seconds that it goes on."""
    started = time.monotonic()
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    process = subprocess.Popen(command, env=environment, pass_fds=[lock])
    try:
        while (status := ended(process)) is None:
            say(f"  {time.monotonic() - started:.0f} s, not yet done")
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status != 0:
        sys.exit(failure)


def ended(process: subprocess.Popen[bytes]) -> int | None:
    """Wait a while; return the exit status, None if it still runs."""
    try:
        return process.wait(REMINDER_SECONDS)
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    main()
