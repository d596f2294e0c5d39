"""The server's entry point with a death in it: kill -9 of the worker while it places an order.

MOMENT says when, WARRANT is the file that allows it: it is used up, so that the repeated request
meets a worker that lives.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.wsgi import application
from larder.orders.services import place_order, place_orders

__all__ = ["application"]


def die_after(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, and then the end."""

    def last_step(*given: Any, **named: Any) -> Any:
        done = step(*given, **named)
        warrant = Path(os.environ["WARRANT"])
        if warrant.exists():
            warrant.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return last_step


# Everything is written and nothing committed; or committed, and not answered.
STEPS = {
    "before the commit": (place_orders, "write_placed"),
    "after the commit": (place_order, "place_candidates"),
}
module, name = STEPS[os.environ["MOMENT"]]
setattr(module, name, die_after(getattr(module, name)))
