"""What Larder's processes do when they have started, and what it is compared with does too."""

import gc
import os

from larder.ops import scheduling


def settle() -> None:
    """Pins the process, sets the batch policy, and excludes what is loaded by now from garbage
    collection (config/wsgi.py)."""
    scheduling.pin_to_core(os.environ.get("SHARED_DIR", ""), int(os.environ.get("WORKERS", "1")))
    scheduling.use_batch_policy()
    gc.collect()
    gc.freeze()
