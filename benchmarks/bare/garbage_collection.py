"""Does what Larder's processes do when they have started, for what is compared with them."""

import gc


def settle() -> None:
    """Excludes what is loaded by now from garbage collection (config/asgi.py)."""
    gc.collect()
    gc.freeze()
