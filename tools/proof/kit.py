"""What a scenario gets, and the plant that every audit must find."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tools.proof.fleet import Fleet
from tools.proof.site import Site
from tools.terminal import say


@dataclass
class Kit:
    """A shop, its customers, and the report."""

    site: Site
    fleet: Fleet
    random: Random
    full: bool
    """As long as a release wants it, in place of a few minutes."""
    steps: list[dict[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def step(self, name: str, seconds: float, within: float, since: float) -> None:
        """Note a step, the seconds until all was well, and the answers since a moment. More than
        `within` seconds are a fault."""
        statuses = Counter(str(reply.status) for reply in self.fleet.replies(since))
        answers = dict(sorted(statuses.items()))
        self.steps.append({"step": name, "seconds": round(seconds, 1), "answers": answers})
        say(f"{name:<52}{seconds:6.1f} s  {answers}")
        if seconds > within:
            self.faults.append(f"{name}: {seconds:.1f} s, more than {within:.0f}")

    def back(self, name: str, within: float) -> None:
        """Wait until all runs and an order is placed again, and note how long that took. Raises
        LauncherError."""
        began = time.monotonic()
        self.site.mend()
        self.fleet.wait_for(1)
        self.step(name, time.monotonic() - began, within, began)

    def plant(self) -> None:
        """Let a unit appear, and an acknowledged order disappear: the audit must name both."""
        if self.fleet.orders:
            self.site.sql(
                "UPDATE orders.\"order\" SET reference = 'taken' WHERE id = %s",
                [next(wish.id for wish in self.fleet.wishes if wish.kind == "order" and wish.id)],
            )
        product = max(self.fleet.products or [1])
        self.site.sql(
            "UPDATE inventory.stock SET available = available + 1 WHERE product_id = %s", [product]
        )
