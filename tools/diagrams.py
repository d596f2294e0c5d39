"""Diagrams that are made from the code: the tables and their relations, the moves of an order."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from larder.orders.lifecycle import STATUSES, Move, Verdict, judge

_PACKAGES = ("catalog", "inventory", "orders", "identity", "notifications", "db")
_RETURNS_TO = "returned"
_UNDO = {Move.UNPACK: "placed", Move.UNSHIP: "packed"}


def tables() -> str:
    """Return an entity-relationship diagram of the models that refer to one another."""
    shown = [model for model in apps.get_models() if model.__module__.split(".")[1] in _PACKAGES]
    relations = [line for model in shown for line in _relations(model)]
    return "\n".join(["erDiagram", "    direction LR", "    accTitle: The tables", *relations])


def _relations(model: type[models.Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            one = "|o" if field.null else "||"
            many = "o|" if field.unique else "o{"
            target = field.remote_field.model.__name__
            yield f"    {target} {one}--{many} {model.__name__} : {field.name}"


def lifecycle() -> str:
    """Return the moves that staff may make on an order, as a state diagram."""
    lines = [
        "stateDiagram-v2",
        "    accTitle: The statuses of an order and the moves between them",
        "    [*] --> placed : place",
        "    [*] --> pending : hold",
        "    pending --> expired : expire",
    ]
    lines += [
        f"    {status} --> {_leads_to(status, move)} : {move}"
        for move in Move
        for status in STATUSES
        if judge(status, move, by_staff=True, by_owner=False) is Verdict.ALLOWED
    ]
    return "\n".join(lines)


def _leads_to(status: str, move: Move) -> str:
    """Return the first status in which the move counts as made; a change leads nowhere else."""
    if move is Move.RETURN:
        return _RETURNS_TO
    if move in _UNDO:
        return _UNDO[move]
    made = (
        after
        for after in STATUSES
        if judge(after, move, by_staff=True, by_owner=False) is Verdict.MADE
    )
    return next(made, status)
