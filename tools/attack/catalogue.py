"""The attacks: every module of tools/attack/attacks, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from tools.attack import attacks
from tools.attack.target import Target


class Attack(Protocol):
    """A module of tools/attack/attacks.

    ITEM decides the order. TITLE and PROMISE are a row of docs/explain/security.md. NEEDS names
    the programs without which the attack is skipped; a module without it needs none.
    """

    ITEM: int
    TITLE: str
    PROMISE: str

    def attack(self, target: Target, *, full: bool) -> str:
        """Return what was measured, in one sentence. Raises Broken."""


def _found() -> list[Attack]:
    names = [module.name for module in iter_modules(attacks.__path__)]
    modules = [cast(Attack, import_module(f"{attacks.__name__}.{one}")) for one in names]
    return sorted(modules, key=lambda one: (one.ITEM, name(one)))


def name(attack: Attack) -> str:
    """Return the module's own name, under which options and results know the attack."""
    return str(vars(attack)["__name__"]).rpartition(".")[2]


def needs(attack: Attack) -> Sequence[str]:
    """Return the programs that the attack starts."""
    return cast(Sequence[str], vars(attack).get("NEEDS", ()))


ATTACKS: Sequence[Attack] = _found()
