"""The child process of larder/core/limited_child.py: reads a file from its standard input, and
writes what the function `decode` of a module makes of it. It imports only what that module does."""

import os
import resource
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

MEMORY_BYTES = 256 * 1024 * 1024
CPU_SECONDS = 10
WALL_SECONDS = 20

_LIMITS = {
    resource.RLIMIT_AS: MEMORY_BYTES,
    resource.RLIMIT_CPU: CPU_SECONDS,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
}


def limit() -> None:
    """Sets the limits of this process. The server's threads go before it."""
    os.nice(10)
    # If memory is short, the kernel ends the child and not the server.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    signal.alarm(WALL_SECONDS)
    for kind, most in _LIMITS.items():
        # macOS has no limit of the address space.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def main() -> None:
    """Decodes a file. The last argument of the command names the module."""
    limit()
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.stdout.buffer.write(import_module(sys.argv[1]).decode(sys.stdin.buffer.read()))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
