"""Returns what the process knows of its parent: its environment and its open files."""

import os
from pathlib import Path


def decode(content: bytes) -> bytes:
    files = [each.name for each in Path("/proc/self/fd").iterdir() if int(each.name) > 3]
    return f"{dict(os.environ)} {files}".encode()
