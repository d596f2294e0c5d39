"""Decodes a file in a child process with limits, because a decoder may need minutes and gigabytes
for a file of a few kilobytes, and may keep the interpreter's lock or crash meanwhile.

The child is a new interpreter that gets the bytes of the file and nothing else: no environment, no
open file, no connection, no secret (larder/core/decoder.py).
"""

import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Timer

from larder.core import decoder, waits
from larder.core.waits import Turns

_children = Turns(2, 8)
"""Children of one process at once, and threads that wait for them."""

_ENVIRONMENT = {"OPENPYXL_LXML": "False"}
"""The same parser of XML everywhere, whether or not another one is installed."""


class LimitExceeded(Exception):
    """A file needs more memory, time or output than a child has, or crashes its decoder."""


def run(module: str, content: bytes, *, most: int) -> bytes:
    """Returns the answer of a module's function `decode`, of at most `most` bytes.

    Gives the thread's connections back first. Raises LimitExceeded, and Overloaded if too many
    children run.
    """
    with _children.turn():
        waits.release()
        return _run(module, content, most)


def _run(module: str, content: bytes, most: int) -> bytes:
    command = [sys.executable, "-I", str(Path(decoder.__file__).resolve()), module]
    with Popen(  # nosec B603
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_ENVIRONMENT, cwd="/"
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise LimitExceeded
        # Ends the child also if it neither reads nor writes.
        timer = Timer(decoder.WALL_SECONDS, child.kill)
        timer.start()
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(content)
                child.stdin.close()
            answer: bytes = child.stdout.read(most + 1)
            if len(answer) > most or child.wait() != 0:
                raise LimitExceeded
            return answer
        finally:
            timer.cancel()
            child.kill()
