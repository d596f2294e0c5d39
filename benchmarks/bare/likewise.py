"""What Larder's processes do when they have started, and what it is compared with does too."""

import gc
import os

from larder.ops import cores


def settle() -> None:
    """A core of its own, threads that interrupt nobody, and nothing that the collector looks
    through again (config/wsgi.py)."""
    cores.take_one(os.environ.get("SHARED_DIR", ""), int(os.environ.get("WORKERS", "1")))
    cores.interrupt_nobody()
    gc.collect()
    gc.freeze()
