"""Customers order scarce and plentiful products at the same time."""

from __future__ import annotations

from tools.proof.fleet import Fleet
from tools.proof.site import Kit

ORDERS, FULL = 200, 20_000


def play(kit: Kit) -> None:
    """Let customers order until enough orders are placed."""
    use(kit.fleet, full=kit.full)


def use(fleet: Fleet, *, full: bool) -> None:
    """Open a shop and let customers order until enough orders are placed. Raises LauncherError."""
    fleet.open_shop()
    with fleet.running():
        for _ in range((FULL if full else ORDERS) // 50):
            fleet.wait_for(50)
