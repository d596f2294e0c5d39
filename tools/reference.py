"""python -m tools.reference [--check]: writes the pages of docs/reference that the code knows.

settings.md is made from .env.example; of problems.md the first line of each entry, and a new entry;
of other pages what is between `<!-- generated: NAME -->` and `<!-- end -->`; the codes of the SDK.
With --check nothing is written, and the status is 1 if a page is out of date.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

import django
from django.apps import apps
from django.conf import settings
from django.db import models

from larder.core.errors import DomainError
from larder.local.terminal import complain, say
from larder.orders.lifecycle import STATUSES, Move, is_allowed, may_be_made

CHECKOUT = Path(__file__).resolve().parents[1]
DOCS = CHECKOUT / "docs"

SETTINGS = """# Settings

Larder reads settings from the environment, or from a file `.env` in its folder. `make run` needs none: it makes its own database and turns on demo mode. `NAME_FILE` names a file with the value. Outside demo mode a server does not start without those that are required, nor with [unsafe values](../deploy/index.md#checklist). Made from [.env.example](../../.env.example) by `make docs/reference`.
"""  # noqa: E501
_CODES = re.compile(r"(?<=^export type ProblemCode =).*?;$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


class Entry(NamedTuple):
    """A setting: its group, its name, its value if it has one, and its text."""

    group: str
    name: str
    value: str
    text: str


def main() -> int:
    """Write the pages, or name those that are out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    settings.DEMO = True
    django.setup()
    stale = [(page, text) for page, text in pages() if page.read_text("utf-8") != text]
    for page, text in stale:
        if options.check:
            complain(f"{page.relative_to(CHECKOUT)} is out of date: make docs/reference")
        else:
            page.write_text(text, "utf-8")
            say(f"{page.relative_to(CHECKOUT)} written")
    return 1 if options.check and stale else 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each page with the text that it should have."""
    from larder.v1 import urls  # noqa: F401 - its modules declare codes of problems
    from tools.openapi_parts import kinds

    folder = DOCS / "reference"
    yield folder / "settings.md", settings_page((CHECKOUT / ".env.example").read_text("utf-8"))
    yield folder / "problems.md", problems_page((folder / "problems.md").read_text("utf-8"))
    for page in (folder / "permissions.md", folder / "metrics.md", DOCS / "explain/data-model.md"):
        yield page, filled(page.read_text("utf-8"))
    codes = [f'"{code}"' for code in kinds()]
    lines = [*(line.replace(" ", " | ") for line in wrap(" ".join(codes), 80)), "(string & {});"]
    source = CHECKOUT / "clients/typescript/src/errors.ts"
    yield source, _CODES.sub("".join(f"\n  | {line}" for line in lines), source.read_text("utf-8"))
    types = CHECKOUT / "clients/typescript/dist/errors.d.ts"
    yield types, _CODES.sub(f" {' | '.join(lines)}", types.read_text("utf-8"))


def filled(page: str) -> str:
    """Return a page with its generated parts as the code says."""
    return _GENERATED.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", page)


def settings_page(example: str) -> str:
    """Return the page of the settings of a commented example file."""
    lines, group = [SETTINGS], ""
    for entry in settings_of(example):
        if entry.group != group:
            group = entry.group
            lines.append(f"## {group}\n")
        required = "Required. " if entry.text.startswith("* ") else ""
        value = f" Example: `{entry.value}`." if entry.value else ""
        lines.append(f"### `{entry.name}`\n\n{required}{_prose(entry.text)}{value}\n")
    return "\n".join(lines)


def settings_of(example: str) -> Iterator[Entry]:
    """Yield the settings of a commented example file."""
    group, comment = "", ""
    for line in example.splitlines():
        if title := re.fullmatch(r"# --- (.+?) -+", line):
            group, comment = title[1], ""
        elif line.startswith("#"):
            comment += line[1:].strip() + " "
        elif match := re.fullmatch(r"(\w+)=(.*)", line):
            yield Entry(group, match[1], match[2], comment.strip())
            comment = ""
        else:
            comment = ""


def _prose(text: str) -> str:
    """Return a comment as Markdown, with links to the pages that it names."""
    return re.sub(
        r"`.*?`|docs/(?P<page>[\w/-]+\.md)(?P<anchor>#[\w-]+)?|[<*\[\]]",
        lambda match: _link(match) if match["page"] else _escaped(match[0]),
        text.removeprefix("* "),
    )


def _escaped(text: str) -> str:
    return text if text.startswith("`") else f"\\{text}"


def _link(match: re.Match[str]) -> str:
    target = os.path.relpath(match["page"], "reference")
    return f"[{match['page']}]({target}{match['anchor'] or ''})"


def problems_page(page: str) -> str:
    """Return the page of problems with a first line for each entry: the status and the title.

    An entry for a code without one goes behind that of the class before it. Raises LookupError if
    an entry has no code, or a code neither an entry nor a class.
    """
    from tools.openapi_parts import kinds

    entries, declared = re.findall(r"^### `(\w+)`$", page, re.MULTILINE), DomainError.declared
    for code in sorted(kinds().keys() - {*entries}):
        last = [it for it in [*declared][: [*declared].index(code)] if it in entries][-1]
        text = " ".join((declared[code].__doc__ or "").split()).partition(". ")[2]
        entry = rf"\g<0>### `{code}`\n\n{text}\n\n"
        page = re.sub(rf"(?ms)^### `{last}`$.*?(?=^##)", entry, page)
        entries.append(code)
    if sorted(entries) != sorted(kinds()):
        raise LookupError(f"problems.md: {set(entries) ^ set(kinds()) or 'an entry twice'}")

    def first_line(match: re.Match[str]) -> str:
        kind = kinds()[match[1]]
        status = f"{kind.status} or {kind.repeatable}" if kind.repeatable else str(kind.status)
        return f"### `{match[1]}`\n\n**{status}** {kind.title}\n"

    return re.sub(r"^### `(\w+)`\n\n(?:\*\*\d.*\n)?", first_line, page, flags=re.MULTILINE)


def permissions_table() -> str:
    """Return the rows of the permissions: what each allows, its operations of v1, its roles."""
    from larder.identity.permissions import PERMISSIONS

    initial = import_module("larder.identity.migrations.0002_rules").ROLES | {"owner": PERMISSIONS}
    operations = list(_operations())
    lines = ["\n| permission | allows | operations of v1 | roles |", "| --- | --- | --- | --- |"]
    for name, text in PERMISSIONS.items():
        needed = ", ".join(title for title, names in operations if name in names)
        roles = ", ".join(role for role, names in initial.items() if name in names)
        lines.append(f"| `{name}` | {text} | {needed} | {roles} |")
    return "\n".join(lines) + "\n"


def _operations() -> Iterator[tuple[str, set[str]]]:
    """Yield the operations of v1 with the permissions that they need of staff."""
    from larder.v1.resources import Resource
    from larder.v1.urls import urlpatterns

    for pattern in urlpatterns:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern.callback, Resource):
            for method, operation in pattern.callback.operations.items():
                if method != "HEAD":
                    declared = operation.declared
                    yield f"`{method} {path}`", {*declared.permissions, declared.for_others}


def roles_table() -> str:
    """Return the rows of the roles."""
    from larder.identity.permissions import ROLES_FOR

    rows = "".join(f"| `{role}` | {text} |\n" for role, text in ROLES_FOR.items())
    return f"\n| role | for |\n| --- | --- |\n{rows}"


def metrics_table() -> str:
    """Return the rows of the metrics."""
    from prometheus_client.metrics import MetricWrapperBase

    from larder.ops.telemetry import instruments
    from larder.ops.telemetry.shop_state import GAUGES

    rows = {}
    collectors = (*vars(instruments).values(), *instruments.POOL_COUNTS.values())
    for metric in collectors:
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows[name] = (family.type, metric._labelnames, family.documentation)
    for gauge in GAUGES:
        rows[gauge.name] = ("gauge", gauge.labels, gauge.means)
    lines = ["\n| metric | type | labels | meaning |", "| --- | --- | --- | --- |"]
    for name, (kind, labels, text) in sorted(rows.items()):
        listed = ", ".join(f"`{label}`" for label in labels)
        lines.append(f"| `{name}` | {kind} | {listed} | {text} |")
    return "\n".join(lines) + "\n"


_PACKAGES = ("catalog", "inventory", "orders", "identity", "notifications", "relay", "db")
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
        if is_allowed(move, status, by_staff=True)
    ]
    return "\n".join(lines)


def _leads_to(status: str, move: Move) -> str:
    """Return the first status in which the move counts as made; a change leads nowhere else."""
    if move is Move.RETURN:
        return _RETURNS_TO
    if move in _UNDO:
        return _UNDO[move]
    return next((after for after in STATUSES if may_be_made(move, after)), status)


def mermaid(diagram: str) -> str:
    """Return a diagram as a block of Markdown."""
    return f"\n```mermaid\n{diagram}\n```\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "permissions": permissions_table,
    "roles": roles_table,
    "metrics": metrics_table,
    "tables": lambda: mermaid(tables()),
    "lifecycle": lambda: mermaid(lifecycle()),
}
"""The generated parts by their names."""

if __name__ == "__main__":
    raise SystemExit(main())
