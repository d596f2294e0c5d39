"""What Larder's processes do when they have started, and what it is compared with does too."""

import gc


def settle() -> None:
    """Excludes what is loaded by now from garbage collection (config/wsgi.py)."""
    gc.collect()
    gc.freeze()
