"""Diagrams that are made from the code: the tables and their relations, the moves of an order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import django
from django.apps import apps
from django.db import connection, models

from larder.orders.lifecycle import STATUSES, Move, Verdict, judge

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_RETURNS_TO = "returned"
_UNDO = {Move.UNPACK: "placed", Move.UNSHIP: "packed"}


def entities(title: str, *packages: str) -> str:
    """Return an entity-relationship diagram of the models of some packages of Larder.

    A model of another package that one of them refers to is shown without its columns.
    """
    django.setup()
    shown = [one for one in apps.get_models() if one.__module__.split(".")[1:2][0] in packages]
    relations = [line for model in shown for line in _relations(model)]
    lines = ["erDiagram", f"    direction {'LR' if relations else 'TB'}", f"    accTitle: {title}"]
    for model in shown:
        lines += [f"    {model.__name__} {{", *_columns(model), "    }"]
    return "\n".join(lines + relations)


def _columns(model: type[models.Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        kind = "FK" if field.is_relation else "UK" if field.unique else ""
        key = "PK" if field.primary_key else kind
        yield f"        {_type(field)} {field.column} {key}".rstrip()


def _type(field: models.Field[object, object]) -> str:
    """Return PostgreSQL's type of a column, in one word and without its length."""
    name = (field.db_type(connection) or "").replace("timestamp with time zone", "timestamptz")
    return re.split(r"[( ]", name)[0]


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
        "    [*] --> draft : add to the cart",
        "    [*] --> placed : place",
        "    draft --> placed : place",
        "    [*] --> pending : hold",
        "    draft --> pending : hold",
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
        one for one in STATUSES if judge(one, move, by_staff=True, by_owner=False) is Verdict.MADE
    )
    return next(made, status)


DIAGRAMS: dict[str, Callable[[], str]] = {
    "goods": lambda: entities("Tables of catalog and inventory", "catalog", "inventory"),
    "orders": lambda: entities("Tables of orders", "orders"),
    "accounts": lambda: entities("Tables of identity", "identity"),
    "shared": lambda: entities("Tables of notifications and db", "notifications", "db"),
    "lifecycle": lifecycle,
}
"""The diagrams by the name that a page gives them, in the line `%% generated: NAME`."""
